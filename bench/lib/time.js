/** Rejects when the promise has not settled after so many milliseconds. */
export async function withTimeout(promise, milliseconds, what) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no ${what} within ${milliseconds} ms`)), milliseconds);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Milliseconds from one save to the next that a person might take: 150 to 400, the same in every run. */
export function humanPause(index) {
  return 150 + ((index * 97) % 251);
}
