import { drawRandom } from '../../machines/random.ts'

/** A sequence of whole random numbers from a seed. It is the same on every machine. */
export class Random {
  #seed: number

  constructor(seed: number) {
    this.#seed = seed | 0
  }

  /** A whole number from 0 to `count` - 1. */
  below(count: number): number {
    const { seed, value } = drawRandom(this.#seed)
    this.#seed = seed
    return Math.floor(value * count)
  }

  /** A whole number from `least` to `most`, both included. */
  between(least: number, most: number): number {
    return least + this.below(most - least + 1)
  }

  /** True with a probability of `percent` in a hundred. */
  chance(percent: number): boolean {
    return this.below(100) < percent
  }

  /** One of `items`; throws when there are none. */
  pick<T>(items: readonly T[]): T {
    const item = items[this.below(items.length)]
    if (item === undefined) throw new Error('nothing to pick from')
    return item
  }

  /** `items` in a random order. */
  shuffled<T>(items: readonly T[]): T[] {
    const left = [...items]
    return items.flatMap(() => left.splice(this.below(left.length), 1))
  }
}

/**
 * The seed of a separate sequence for `name`. Each link, disk and client has its own sequence, so that removing one of them from a run
 * changes the others as little as possible.
 */
export function seedFor(seed: number, name: string): number {
  let hash = seed ^ 0x811c9dc5
  for (let i = 0; i < name.length; i += 1) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d)
  return (hash ^ (hash >>> 13)) | 0
}
