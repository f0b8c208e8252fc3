/** Who the members are at each instance: the founders, and after them what was executed. */
import type { Instance, NodeId } from '../../machines/batch.ts'
import { isCounted, type Member } from '../../machines/members.ts'

/** `members` rule from instance `from` on. */
export interface MembersFrom {
  readonly from: Instance
  readonly members: readonly Member[]
}

export class MembersByInstance {
  /** Invariant: in order of `from`; the first is from 0. */
  readonly #changes: MembersFrom[]

  /** `changes` as `toJson` gives them, or one: the founders, from 0. */
  constructor(changes: readonly MembersFrom[]) {
    this.#changes = [...changes]
  }

  /** The members that rule at `instance`; the caller knows that everything below it is executed. */
  at(instance: Instance): readonly Member[] {
    return this.#changes.findLast(({ from }) => from <= instance)?.members ?? []
  }

  /** The members changed: these rule from `from` on. */
  change(from: Instance, members: readonly Member[]): void {
    this.#changes.push({ from, members })
  }

  /** As `change`, where other servers may have told of the same change, or of later ones. */
  changeOnce(from: Instance, members: readonly Member[]): void {
    const last = this.#changes.at(-1)
    if (last === undefined || from > last.from) this.change(from, members)
  }

  /** True when that directory has been counted in the cluster at some instance. */
  wasCounted(id: NodeId, incarnation: string): boolean {
    return this.#changes.findLast(({ members }) => isCounted(members, id, incarnation)) !== undefined
  }

  copy(): MembersByInstance {
    return new MembersByInstance(this.#changes)
  }

  toJson(): readonly MembersFrom[] {
    return this.#changes
  }
}
