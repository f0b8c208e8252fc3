/** The messages to the operator while a cluster is founded: what is wrong, and a safe way to resolve it. */
import type { Address, NodeId } from '../../machines/batch.ts'
import { differencesOf, type FoundingRecord, type Obstacle } from '../../machines/founding.ts'
import type { FoundingPlan } from '../../machines/members.ts'
import type { OptionWords } from './option-words.ts'

/**
 * This advice is safe while no founder reports that it serves. A founder in the state `founding` has not voted, and a founder
 * that lost its directory has no promises left to lose.
 */
export function startAllAnew({ names }: OptionWords): string {
  return (
    'If paxos status shows every founder as founding, nothing was decided yet: stop all of them, empty their directories, ' +
    `and start them with ${names.bootstrap} again. Do not do this if one of them serves, or does not answer`
  )
}

/** The differences between two plans: `server 2 is at a:1 here and at a:2 there`. */
export function differenceText(here: FoundingPlan, there: FoundingPlan): string {
  const texts = differencesOf(here, there).map(({ id, here, there }) => {
    if (here === null) return `server ${id} is no member here, and at ${there} there`
    if (there === null) return `server ${id} is at ${here} here, and no member there`
    return `server ${id} is at ${here} here, and at ${there} there`
  })
  if (here.cluster !== there.cluster) {
    texts.push(`the cluster is ${nameText(here)} here, and ${nameText(there)} there`)
  }
  if (here.service !== there.service) {
    texts.push(`the service is ${here.service} here, and ${there.service} there`)
  }
  return texts.join('; ')
}

function nameText({ cluster }: FoundingPlan): string {
  return cluster === null ? 'not named' : `named ${cluster}`
}

/** The founders for which this server waits: `server 1 at a:1, server 2 at a:2`. */
export function waitText({ members }: FoundingRecord, ids: readonly NodeId[]): string {
  return members
    .filter(({ id }) => ids.includes(id))
    .map(({ id, address }) => `server ${id} at ${address}`)
    .join(', ')
}

/** Describes an obstacle and how to resolve it. */
export function obstacleText(record: FoundingRecord, obstacle: Obstacle, words: OptionWords): string {
  const { names } = words
  const { node } = record
  const place = addressOf(record, obstacle.of)
  const other = place === null ? `server ${obstacle.of}` : `server ${obstacle.of} at ${place}`
  switch (obstacle.kind) {
    case 'otherPlan':
      return (
        `${other} founds another cluster than this one: ${differenceText(record, obstacle.plan)}. ` +
        `Start each founder with the same ${names['bootstrap.members']}, the same ${names.service}, and the same ${names['bootstrap.cluster']} if there is one`
      )
    case 'ownDirectoryLost':
      return (
        `${other} knows server ${node} by another directory, which was lost while the cluster was founded. ` +
        startAllAnew(words)
      )
    case 'directoryLost':
      return `${other} has lost the directory by which this server knows it. ${startAllAnew(words)}`
    case 'otherList':
      return `${other} knows a founder by a directory that was lost while the cluster was founded. ${startAllAnew(words)}`
    case 'exists': {
      const seed = place ?? 'HOST:PORT'
      const difference = differenceText(record, obstacle.plan)
      return difference === ''
        ? `the cluster exists, as ${other} says, and knows server ${node} by another directory: this one must not vote in its place. ` +
            joinAnew(node, seed, words)
        : `${other} belongs to an existing cluster that was founded differently: ${difference}. ` +
            `To join it, start server ${node} with ${names.join} ${seed} in place of ${names.bootstrap}`
    }
    case 'forgotten':
      return (
        `the cluster was founded with this directory, as ${other} says, and the directory does not know it: it was restored to an older state, ` +
        `and may lack what server ${node} promised. Empty it. ${joinAnew(node, place ?? 'HOST:PORT', words)}`
      )
  }
  obstacle satisfies never
}

/** This advice is safe: a server that was removed and joins with a new incarnation has made no promise. */
function joinAnew(node: NodeId, seed: Address, { names }: OptionWords): string {
  return (
    `Remove it with: paxos members remove ${node} --servers ${seed}; ` +
    `then start it with ${names.join} ${seed} in place of ${names.bootstrap}`
  )
}

function addressOf({ members }: FoundingRecord, id: NodeId): Address | null {
  return members.find((member) => member.id === id)?.address ?? null
}
