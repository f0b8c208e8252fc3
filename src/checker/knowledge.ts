import type { Fact } from '../core/facts.ts'
import { type Invariants, isJudged } from '../verify/invariants.ts'
import { Interner } from './interner.ts'
import { PairTable } from './pair-table.ts'

/** The knowledge of the invariants at each state of a search, by number. Equal knowledge has one number. */
export class KnowledgeTable {
  readonly #lists = new Interner<readonly Fact[]>()
  readonly #parts = new Interner<null>()
  readonly #known = new Interner<Invariants>()
  readonly #after = new PairTable()

  constructor() {
    this.factsId([])
  }

  get size(): number {
    return this.#known.size
  }

  /** The knowledge of each number, as text. */
  get texts(): readonly string[] {
    return this.#known.values.map((invariants) => invariants.toJson())
  }

  /** The number of a list of facts, apart from those that no judgement depends on; 0 when nothing is left. */
  factsId(all: readonly Fact[]): number {
    const facts = all.filter(isJudged)
    return this.#lists.idOf(JSON.stringify(facts), facts)
  }

  /** The number of the present knowledge. The table keeps `invariants` without a copy. */
  idOf(invariants: Invariants): number {
    const parts = invariants.texts.map((text) => this.#parts.idOf(text, null))
    return this.#known.idOf(parts.join(), invariants)
  }

  /** The number of the knowledge after the facts with the number `facts`. Throws the `Violation` when they break an invariant. */
  after(before: number, facts: number): number {
    if (facts === 0) return before
    const known = this.#after.get(before, facts)
    if (known >= 0) return known
    const invariants = this.#known.valueOf(before).copy()
    for (const fact of this.#lists.valueOf(facts)) invariants.observe(fact)
    const id = this.idOf(invariants)
    this.#after.add(before, facts, id)
    return id
  }
}
