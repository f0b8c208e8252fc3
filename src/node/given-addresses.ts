/**
 * The addresses of servers by the word of an operator, for a cluster whose servers all moved: until a quorum has agreed on the new
 * addresses, no server can learn them from the members.
 *
 * A wrong address costs messages, as a bad network does. Who is counted does not depend on it, because messages name directories.
 */
import type { Address, NodeId } from '../../machines/batch.ts'
import type { Member } from '../../machines/members.ts'
import { type NodeRules, nodeRules } from '../core/node-rules.ts'
import type { ServerAddress } from './server-address.ts'

export class GivenAddresses {
  /** The addresses that the members did not have yet when they were last asked for. A later change of members counts more. */
  #open: readonly ServerAddress[]

  constructor(given: readonly ServerAddress[] = []) {
    this.#open = given
  }

  /** The members at the addresses at which this server reaches them. */
  placed(members: readonly Member[]): readonly Member[] {
    if (this.#open.length === 0) return members
    this.#open = this.#open.filter(({ id, address }) => memberOf(members, id)?.address !== address)
    return members.map((member) => ({
      ...member,
      address: this.#open.find(({ id }) => id === member.id)?.address ?? member.address,
    }))
  }

  /** The members that this server reaches at another address than the agreed one. */
  differing(
    members: readonly Member[],
  ): readonly { readonly agreed: Address; readonly given: ServerAddress }[] {
    this.placed(members)
    return this.#open.flatMap((given) => {
      const agreed = memberOf(members, given.id)?.address
      return agreed === undefined ? [] : [{ agreed, given }]
    })
  }

  /** The rules of a node that sends to these addresses. */
  get rules(): NodeRules {
    return {
      ...nodeRules,
      addressOf: (id, addressee, members, last) =>
        nodeRules.addressOf(id, addressee, this.placed(members), last),
    }
  }
}

function memberOf(members: readonly Member[], id: NodeId): Member | undefined {
  return members.find((member) => member.id === id)
}
