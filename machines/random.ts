/**
 * One step of a seeded random sequence (the mulberry32 generator). Machines draw from a seed in their context, so that the same
 * inputs always give the same run.
 */
export function drawRandom(seed: number): { readonly seed: number; readonly value: number } {
  const next = (seed + 0x6d2b79f5) | 0
  let mixed = Math.imul(next ^ (next >>> 15), next | 1)
  mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
  return { seed: next, value: ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32 }
}
