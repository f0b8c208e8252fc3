import type { Fact } from '../core/facts.ts'
import type { Invariants } from '../verify/invariants.ts'
import { Interner } from './interner.ts'

/** The knowledge of the invariants at each state of a search, by number. Equal knowledge has one number. */
export class KnowledgeTable {
  readonly #lists = new Interner<readonly Fact[]>()
  readonly #known = new Interner<Invariants>()
  readonly #after = new Map<number, number>()

  constructor() {
    this.factsId([])
  }

  get size(): number {
    return this.#known.size
  }

  /** The knowledge of each number, as text. */
  get texts(): readonly string[] {
    return this.#known.keys
  }

  /** The number of a list of facts; 0 for the empty list. */
  factsId(facts: readonly Fact[]): number {
    return this.#lists.idOf(JSON.stringify(facts), facts)
  }

  /** The number of the present knowledge. The table keeps `invariants` without a copy. */
  idOf(invariants: Invariants): number {
    return this.#known.idOf(invariants.toJson(), invariants)
  }

  /** The number of the knowledge after the facts with the number `facts`. Throws the `Violation` when they break an invariant. */
  after(before: number, facts: number): number {
    if (facts === 0) return before
    const key = before * 2 ** 24 + facts
    const known = this.#after.get(key)
    if (known !== undefined) return known
    const invariants = this.#known.valueOf(before).copy()
    for (const fact of this.#lists.valueOf(facts)) invariants.observe(fact)
    const id = this.idOf(invariants)
    this.#after.set(key, id)
    return id
  }
}
