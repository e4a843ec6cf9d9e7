/**
 * What `work` resolves to, or a rejection that says what did not happen in time: a test that waits forever says nothing.
 *
 * @param what completes the sentence "… did not happen within … s"
 */
export async function within<T>(ms: number, what: string, work: Promise<T>): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`${what} did not happen within ${ms / 1000} s`)), ms);
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
