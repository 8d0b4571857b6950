/** Opens the inspector of this process, if nobody has, where only the primary finds it. Returns its URL. */
export async function openInspector(): Promise<string | undefined> {
  const inspector = await import('node:inspector');
  if (inspector.url() === undefined) inspector.open(0, '127.0.0.1');
  return inspector.url();
}
