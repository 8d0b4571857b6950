/** Calls once when the app asks for its standard input: from then on it is nobody else's. */
export function watchInput(onAsked: () => void): void {
  const original = Object.getOwnPropertyDescriptor(process, 'stdin');
  if (!original?.get || !original.configurable) return;
  const { get } = original;
  Object.defineProperty(process, 'stdin', {
    ...original,
    get() {
      Object.defineProperty(process, 'stdin', original);
      onAsked();
      return get.call(process) as unknown;
    },
  });
}
