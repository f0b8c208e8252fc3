/** What follows from the running digests of several servers. */
import type { Instance, NodeId } from './batch.ts'
import { countedMembers, type Member } from './members.ts'
import { isQuorum } from './quorum.ts'

/** The running digests of a server: after each of several instances in a row, in order. Not empty. */
export interface Digests {
  readonly node: NodeId
  readonly digests: readonly string[]
}

/** The first instance whose outcomes differ. */
export interface Difference {
  readonly instance: Instance
  /** False when they may differ before that too: the compared digests go back no further. */
  readonly isFirst: boolean
}

/** Adds the digests of a server. The first ones of each server count. */
export function withDigests(answers: readonly Digests[], answer: Digests): readonly Digests[] {
  return answers.some(({ node }) => node === answer.node) ? answers : [...answers, answer]
}

/** The digest after the last instance. */
function lastOf({ digests }: Digests): string {
  return digests.at(-1) ?? ''
}

function nodesWith(answers: readonly Digests[], digest: string): NodeId[] {
  return answers.filter((answer) => lastOf(answer) === digest).map(({ node }) => node)
}

/** The answers of a quorum that agrees on the last digest; `null` when no quorum among the answers does. */
export function agreeingQuorum(
  members: readonly Member[],
  answers: readonly Digests[],
): readonly Digests[] | null {
  const counted = countedMembers(members)
  const shared = answers.find((answer) => isQuorum(counted, nodesWith(answers, lastOf(answer))))
  return shared === undefined ? null : answers.filter((answer) => lastOf(answer) === lastOf(shared))
}

/** True when a quorum may agree after all, once the counted servers that are silent answer. */
export function mayAgree(members: readonly Member[], answers: readonly Digests[]): boolean {
  const counted = countedMembers(members)
  const silent = counted.filter((id) => answers.every(({ node }) => node !== id))
  return (
    isQuorum(counted, silent) ||
    answers.some((answer) => isQuorum(counted, [...nodesWith(answers, lastOf(answer)), ...silent]))
  )
}

/** The first difference between two servers whose digests after `instance` differ: from then on all their digests do. */
export function firstDifference(one: Digests, other: Digests, instance: Instance): Difference {
  const length = Math.min(one.digests.length, other.digests.length)
  for (let back = 1; back <= length; back += 1) {
    if (one.digests.at(-back) === other.digests.at(-back))
      return { instance: instance - back + 2, isFirst: true }
  }
  const earliest = instance - length + 1
  return { instance: earliest, isFirst: earliest === 0 }
}

/**
 * The first difference between this server and any other. Where two others differ first, this server differs from one of them at the
 * same instance, so every server that has the same answers finds the same.
 */
export function earliestDifference(
  own: Digests,
  answers: readonly Digests[],
  instance: Instance,
): Difference {
  return answers
    .filter((answer) => lastOf(answer) !== lastOf(own))
    .map((answer) => firstDifference(own, answer, instance))
    .reduce(
      (one, other) =>
        other.instance < one.instance || (other.instance === one.instance && !other.isFirst) ? other : one,
      { instance, isFirst: true },
    )
}

/** Why a server halts whose outcomes differ from those of `quorum`. */
export function reasonToHalt(
  own: Digests,
  quorum: readonly Digests[],
  instance: Instance,
): { readonly reason: string; readonly executedAt: Instance } {
  const [theirs = own] = quorum
  const { instance: first, isFirst } = firstDifference(own, theirs, instance)
  const place = isFirst ? `first at instance ${first}` : `at instance ${first} or before`
  const servers = quorum.map(({ node }) => node).join(', ')
  return {
    executedAt: first,
    reason:
      `the outcomes of this server differ from those of a quorum, ${place}: after instance ${instance} the running digest is ` +
      `${lastOf(theirs)} on the servers ${servers}, and ${lastOf(own)} here. Its service does not behave as theirs, or an older copy of ` +
      'the directory of a server was put back: compare the versions, and keep this directory until it is known which answers hold. Then ' +
      'remove the server from the members, and let it join again with an empty directory',
  }
}
