/** How much is done, counted and not timed: the elements of arrays that are gone through. */

const unchanging = new Set(['constructor', 'at', 'push', 'pop'])

/**
 * Runs something synchronous and counts the elements of all arrays that it copies, searches, spreads or iterates: a measure
 * of its cost that is the same on every machine. Access by index and `push` cost nothing. Arrays are as they were afterwards.
 */
export function arrayWork(run: () => void): number {
  let elements = 0
  const prototype = Array.prototype as unknown as Record<PropertyKey, unknown>
  const methods = Reflect.ownKeys(prototype).filter(
    (key) => typeof prototype[key] === 'function' && !unchanging.has(String(key)),
  )
  const originals = methods.map(
    (key) => [key, Object.getOwnPropertyDescriptor(prototype, key) ?? {}] as const,
  )
  try {
    for (const [key, original] of originals) {
      const method = original.value as (...args: unknown[]) => unknown
      const counted = function (this: ArrayLike<unknown>, ...args: unknown[]): unknown {
        elements += this.length
        return method.apply(this, args)
      }
      Object.defineProperty(prototype, key, { ...original, value: counted })
    }
    // What was counted so far is this function's own.
    elements = 0
    run()
    return elements
  } finally {
    for (const [key, original] of originals) Object.defineProperty(prototype, key, original)
  }
}
