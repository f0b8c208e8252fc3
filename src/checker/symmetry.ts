/**
 * Clients that send the same command to the same servers are interchangeable, and so are servers to which no client sends: exchanging
 * two of them in a schedule gives another schedule, and both break the same invariants. So the search only covers schedules in a fixed
 * order: a request is sent only after those before it in its group, and a server makes its first move only after those before it.
 *
 * Ballots are ordered by server, so servers that may propose are not exchanged. A learner asks one server after the other in the order
 * of their ids. After an exchange it asks in another order. But it goes round all servers, and may do so at any time, so it can ask each
 * of them in both cases; the questions to others in between may be lost.
 */
import type { Bounds } from './bounds.ts'
import { usedBits } from './rows.ts'

export interface Symmetry {
  /** By index of the request: the bits that must all be set before it is sent. */
  readonly beforeRequest: readonly number[]
  /** By server: the bits that must all be set before its first move. */
  readonly beforeServer: readonly number[]
  /** The used bits that the search must keep. */
  readonly kept: number
}

export function symmetryOf({ requests, reads = [], servers, joining, crashing }: Bounds): Symmetry {
  const askedOf = requests.map(({ client, command, servers }, place) => {
    const isAlone = requests.every((other, at) => at === place || other.client !== client)
    return isAlone ? JSON.stringify([command, servers]) : `${place}`
  })
  const asked = new Set([
    ...requests.flatMap((request) => request.servers),
    ...reads.map(({ server }) => server),
  ])
  const named = new Set(requests.flatMap(({ command }) => namedServers(command)))
  const founders = Array.from({ length: servers }, (_, id) => id)
  const groupOf = founders.map((id) =>
    asked.has(id) || named.has(id) ? `${id}` : `${crashing.includes(id)}?`,
  )
  const beforeRequest = before(askedOf, usedBits.asked)
  const beforeServer = [...before(groupOf, usedBits.moved), ...Array<number>(joining).fill(0)]
  const kept = [...beforeRequest, ...beforeServer].reduce((all, bits) => all | bits, 0)
  return { beforeRequest, beforeServer, kept }
}

/** No clients or servers are interchangeable. */
export function noSymmetry({ requests, servers, joining }: Bounds): Symmetry {
  return {
    beforeRequest: requests.map(() => 0),
    beforeServer: Array<number>(servers + joining).fill(0),
    kept: 0,
  }
}

/** For each item, the bit of the item before it in its group. That item waits for the one before it, so one bit is enough. */
function before(groups: readonly string[], bit: (place: number) => number): number[] {
  return groups.map((group, place) => {
    const previous = groups.lastIndexOf(group, place - 1)
    return place === 0 || previous < 0 ? 0 : bit(previous)
  })
}

/** The servers that a command names. They are not interchangeable with others. */
function namedServers(command: Bounds['requests'][number]['command']): readonly number[] {
  if (command.kind !== 'members') return []
  const { change } = command
  return change.action === 'move' ? change.servers.map(({ id }) => id) : [change.id]
}
