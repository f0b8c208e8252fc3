/**
 * Clients that ask for the same at the same servers are interchangeable, and so are servers that nobody asks: a schedule with
 * two of them exchanged is a schedule, which breaks an invariant when the other does. So only schedules are searched in which the
 * first of them comes first: a request is asked only after those before it in its group, and a server is moved only after.
 *
 * Ballots are ordered by server, so servers that may propose are not exchanged. A learner asks one server after the other in
 * order of id; with two of them exchanged it asks in another order, but as it goes round, and may go round at any time, it asks
 * each of them, and what it asked others meanwhile may be lost.
 */
import type { Bounds } from './bounds.ts'
import { usedBits } from './rows.ts'

export interface Symmetry {
  /** By place of the request: the bits of which all must be set before it is asked. */
  readonly beforeRequest: readonly number[]
  /** By server: the bits of which all must be set before it is moved. */
  readonly beforeServer: readonly number[]
  /** The bits that are kept. */
  readonly kept: number
}

export function symmetryOf({ requests, servers, joining, crashing }: Bounds): Symmetry {
  const askedOf = requests.map(({ client, command, servers }, place) => {
    const isAlone = requests.every((other, at) => at === place || other.client !== client)
    return isAlone ? JSON.stringify([command, servers]) : `${place}`
  })
  const asked = new Set(requests.flatMap((request) => request.servers))
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

/** Nothing is exchanged. */
export function noSymmetry({ requests, servers, joining }: Bounds): Symmetry {
  return {
    beforeRequest: requests.map(() => 0),
    beforeServer: Array<number>(servers + joining).fill(0),
    kept: 0,
  }
}

/** For each, the bit of the one before it in its group; that one comes after its own, so this is all of them. */
function before(groups: readonly string[], bit: (place: number) => number): number[] {
  return groups.map((group, place) => {
    const previous = groups.lastIndexOf(group, place - 1)
    return place === 0 || previous < 0 ? 0 : bit(previous)
  })
}

/** A server that a command names is not like another. */
function namedServers(command: Bounds['requests'][number]['command']): readonly number[] {
  return command.kind === 'members' ? [command.change.id] : []
}
