/** The members at each instance: first the founders, then the executed changes. */
import type { Instance, NodeId } from '../../machines/batch.ts'
import { isCounted, type Member } from '../../machines/members.ts'
import { Part } from './part.ts'

/** `members` are the members from instance `from` on. */
export interface MembersFrom {
  readonly from: Instance
  readonly members: readonly Member[]
}

export class MembersByInstance extends Part {
  /** Invariant: in order of `from`; the first is from 0. */
  readonly #changes: MembersFrom[]

  /** `changes` is the result of `toJson`, or one entry: the founders, from 0. */
  constructor(changes: readonly MembersFrom[]) {
    super()
    this.#changes = [...changes]
  }

  /** The members at `instance`. The caller knows that all instances below it are executed. */
  at(instance: Instance): readonly Member[] {
    return this.#changes.findLast(({ from }) => from <= instance)?.members ?? []
  }

  /** The members changed, from instance `from` on. */
  change(from: Instance, members: readonly Member[]): void {
    this.#changes.push({ from, members })
    this.changed()
  }

  /** As `change`, but ignores a change that another server has reported before, and a change before the last one. */
  changeOnce(from: Instance, members: readonly Member[]): void {
    const last = this.#changes.at(-1)
    if (last === undefined || from > last.from) this.change(from, members)
  }

  /** True when the directory was counted in the cluster at some instance. */
  wasCounted(id: NodeId, incarnation: string): boolean {
    return this.#changes.findLast(({ members }) => isCounted(members, id, incarnation)) !== undefined
  }

  override toJson(): readonly MembersFrom[] {
    return this.#changes
  }

  protected override duplicate(): MembersByInstance {
    return new MembersByInstance(this.#changes)
  }
}
