/** The messages that the roles of servers send to each other. */
import { Type } from '@sinclair/typebox'
import type { Instance } from '../../machines/batch.ts'
import { bytesOf } from '../../machines/fetching.ts'
import type { Accept, Accepted, Confirmed, Denial, NodeMessage, Settled } from '../../machines/messages.ts'
import type { SnapshotName } from '../../machines/snapshot-name.ts'
import { mostCompared } from '../core/audit.ts'
import {
  contradictionInChosen,
  contradictionInChunk,
  contradictionInCompacted,
  contradictionInConfirmed,
  contradictionInExposure,
  contradictionInFetch,
  contradictionInPromise,
  unlessBetweenServers,
  unlessOwnBallot,
} from './contradictions.ts'
import { allSeqsKey, type Entries, noBatches, noKey, seqsKey, seqsOfGroup } from './entry.ts'
import {
  acceptedRecord,
  ballot,
  batch,
  chunkOfSnapshot,
  closed,
  digestAfter,
  heardBoot,
  integer,
  name,
  requestGroup,
  runningDigest,
  snapshot,
} from './part-schemas.ts'
import { acceptedText, ballotText, batchText, groupText, seqsName, snapshotText } from './part-texts.ts'

export const nodeMessages = {
  prepare: {
    schema: closed({ type: Type.Literal('prepare'), ballot, from: integer }),
    fitsAnyCluster: false,
    isAnswer: false,
    contradiction: unlessOwnBallot,
    repetitionKey: ({ ballot, from }) => `${ballotText(ballot)} ${from}`,
    ...noBatches,
    sentence: ({ ballot, from }) => `prepare ${ballotText(ballot)} from instance ${from}`,
    kind: 'prepare',
    label: ({ ballot, from }) => `prepare ${ballotText(ballot)} #${from}`,
    key: ({ ballot, from }) => `${ballotText(ballot)} ${from}`,
  },
  promise: {
    schema: closed({
      type: Type.Literal('promise'),
      ballot,
      from: integer,
      accepted: Type.Array(acceptedRecord),
      firstUnchosen: integer,
    }),
    fitsAnyCluster: false,
    isAnswer: true,
    contradiction: (message, origin) =>
      unlessBetweenServers(message, origin) ?? contradictionInPromise(message),
    repetitionKey: ({ ballot, from, accepted, firstUnchosen }) =>
      `${ballotText(ballot)} ${from} ${accepted.length} ${firstUnchosen}`,
    batches: ({ accepted }) => accepted.map(({ batch }) => batch),
    withBatches: (message, batches) => {
      const accepted = message.accepted.map((record, index) => ({ ...record, batch: batches[index]! }))
      return { ...message, accepted }
    },
    sentence: ({ ballot, from, accepted, firstUnchosen }) =>
      `promise ${ballotText(ballot)} from instance ${from}: ${acceptedText(accepted)}${knownText(firstUnchosen, from)}`,
    kind: 'promise',
    label: ({ ballot, from }) => `promise ${ballotText(ballot)} #${from}`,
    // An acceptor that is asked again at a ballot may have accepted more at that ballot meanwhile.
    key: ({ ballot, from, accepted, firstUnchosen }) =>
      [
        ballotText(ballot),
        from,
        firstUnchosen,
        ...accepted.map((record) => `${record.instance}:${ballotText(record.ballot)}`),
      ].join(' '),
  },
  accept: {
    schema: closed({
      type: Type.Literal('accept'),
      ballot,
      instance: integer,
      batch,
      digest: Type.Optional(runningDigest),
    }),
    fitsAnyCluster: false,
    isAnswer: false,
    contradiction: unlessOwnBallot,
    repetitionKey: ({ ballot, instance }) => `${ballotText(ballot)} ${instance}`,
    batches: ({ batch }) => [batch],
    withBatches: (message, [batch]) => ({ ...message, batch: batch! }),
    sentence: ({ ballot, instance, batch }) =>
      `accept ${ballotText(ballot)} instance ${instance} ${batchText(batch)}`,
    kind: 'accept',
    label: labelAtInstance,
    key: ({ ballot, instance }) => `${ballotText(ballot)} ${instance}`,
  },
  accepted: {
    schema: closed({ type: Type.Literal('accepted'), ballot, instance: integer }),
    fitsAnyCluster: false,
    isAnswer: true,
    contradiction: unlessBetweenServers,
    repetitionKey: ({ ballot, instance }) => `${ballotText(ballot)} ${instance}`,
    ...noBatches,
    sentence: ({ ballot, instance }) => `accepted ${ballotText(ballot)} instance ${instance}`,
    kind: 'accepted',
    label: labelAtInstance,
    key: ({ ballot, instance }) => `${ballotText(ballot)} ${instance}`,
  },
  denial: {
    schema: closed({
      type: Type.Literal('denial'),
      ballot,
      instance: integer,
      promised: Type.Union([ballot, Type.Null()]),
      firstUnchosen: integer,
    }),
    fitsAnyCluster: false,
    isAnswer: true,
    // A denial needs no reason: it may mean that the proposer is not counted in the cluster.
    contradiction: unlessBetweenServers,
    repetitionKey: denialKey,
    ...noBatches,
    sentence: ({ ballot, instance, promised, firstUnchosen }) =>
      `denial of ${ballotText(ballot)} instance ${instance}: promised ${ballotText(promised)}${knownText(firstUnchosen, instance)}`,
    kind: 'denial',
    label: labelAtInstance,
    key: denialKey,
  },
  learn: {
    schema: closed({ type: Type.Literal('learn'), from: integer }),
    fitsAnyCluster: false,
    isAnswer: false,
    contradiction: unlessBetweenServers,
    // A server reads one page at a time. A learner that asks twice needs the page of its last question.
    repetitionKey: noKey,
    ...noBatches,
    sentence: ({ from }) => `learn from instance ${from}`,
    kind: 'learn',
    label: ({ from }) => `learn #${from}`,
    key: ({ from }) => `${from}`,
  },
  chosen: {
    schema: closed({
      type: Type.Literal('chosen'),
      from: integer,
      batches: Type.Array(batch),
      firstUnchosen: integer,
      unsettled: Type.Boolean(),
    }),
    fitsAnyCluster: false,
    isAnswer: true,
    contradiction: (message, origin) =>
      unlessBetweenServers(message, origin) ?? contradictionInChosen(message),
    repetitionKey: ({ from, batches, firstUnchosen, unsettled }) =>
      `${from} ${batches.length} ${firstUnchosen} ${unsettled}`,
    batches: ({ batches }) => batches,
    withBatches: (message, batches) => ({ ...message, batches }),
    sentence: ({ from, batches, firstUnchosen, unsettled }) => {
      const page = batches.length === 0 ? 'nothing' : batches.map(batchText).join(' ')
      return `chosen from instance ${from}: ${page}, all chosen below ${firstUnchosen}${unsettled ? ', more is unsettled' : ''}`
    },
    kind: 'chosen',
    label: ({ from, batches }) =>
      batches.length > 1 ? `chosen #${from}–${from + batches.length - 1}` : `chosen #${from}`,
    key: ({ from, firstUnchosen, unsettled }) => `${from} ${firstUnchosen} ${unsettled}`,
  },
  compacted: {
    schema: closed({ type: Type.Literal('compacted'), snapshot, firstUnchosen: integer }),
    fitsAnyCluster: false,
    isAnswer: true,
    contradiction: (message, origin) =>
      unlessBetweenServers(message, origin) ?? contradictionInCompacted(message),
    repetitionKey: ({ snapshot, firstUnchosen }) => `${snapshotKey(snapshot)} ${firstUnchosen}`,
    ...noBatches,
    sentence: ({ snapshot, firstUnchosen }) =>
      `compacted: ${snapshotText(snapshot)}${knownText(firstUnchosen, snapshot.instance)}`,
    kind: 'chosen',
    label: ({ snapshot }) => `compacted #${snapshot.instance}`,
    key: ({ snapshot, firstUnchosen }) => `${snapshotKey(snapshot)} ${firstUnchosen}`,
  },
  fetch: {
    schema: closed({ type: Type.Literal('fetch'), snapshot, offsetBytes: integer }),
    fitsAnyCluster: false,
    isAnswer: false,
    contradiction: (message, origin) =>
      unlessBetweenServers(message, origin) ?? contradictionInFetch(message),
    // As for `learn`: a learner that asks twice needs the chunks of its last question.
    repetitionKey: noKey,
    ...noBatches,
    sentence: ({ snapshot, offsetBytes }) => `fetch ${snapshotText(snapshot)} from byte ${offsetBytes}`,
    kind: 'learn',
    label: ({ snapshot, offsetBytes }) => `fetch #${snapshot.instance} ${offsetBytes}`,
    key: ({ snapshot, offsetBytes }) => `${snapshotKey(snapshot)} ${offsetBytes}`,
  },
  chunk: {
    schema: closed({ type: Type.Literal('chunk'), snapshot, offsetBytes: integer, bytes: chunkOfSnapshot }),
    fitsAnyCluster: false,
    isAnswer: true,
    contradiction: (message, origin) =>
      unlessBetweenServers(message, origin) ?? contradictionInChunk(message),
    repetitionKey: ({ snapshot, offsetBytes }) => `${snapshotKey(snapshot)} ${offsetBytes}`,
    ...noBatches,
    sentence: ({ snapshot, offsetBytes, bytes }) =>
      `chunk of ${snapshotText(snapshot)}: ${bytesOf(bytes)} bytes from ${offsetBytes}`,
    kind: 'chosen',
    label: ({ snapshot, offsetBytes }) => `chunk #${snapshot.instance} ${offsetBytes}`,
    key: ({ snapshot, offsetBytes }) => `${snapshotKey(snapshot)} ${offsetBytes}`,
  },
  settled: {
    schema: closed({
      type: Type.Literal('settled'),
      ballot: Type.Union([ballot, Type.Null()]),
      instance: integer,
    }),
    fitsAnyCluster: false,
    isAnswer: false,
    contradiction: (message, origin) => {
      if (message.ballot !== null && message.ballot.node !== origin.sender) {
        return `settled: sender ${origin.sender} uses the ballot of server ${message.ballot.node}`
      }
      return unlessBetweenServers(message, origin)
    },
    repetitionKey: settledKey,
    ...noBatches,
    sentence: ({ ballot, instance }) =>
      `settled${ballot === null ? '' : ` ${ballotText(ballot)}`} instance ${instance}`,
    kind: 'chosen',
    label: ({ instance }) => `settled #${instance}`,
    key: settledKey,
  },
  handOver: {
    schema: closed({
      type: Type.Literal('handOver'),
      groups: Type.Array(closed(requestGroup), { minItems: 1 }),
    }),
    fitsAnyCluster: false,
    isAnswer: false,
    contradiction: unlessBetweenServers,
    repetitionKey: ({ groups }) => groups.map((group) => allSeqsKey(seqsOfGroup(group))).join(),
    ...noBatches,
    sentence: ({ groups }) => `handOver ${groups.map(groupText).join(', ')}`,
    kind: 'request',
    label: ({ groups }) => `handOver ${groups.map((group) => seqsName(seqsOfGroup(group))).join(', ')}`,
    key: ({ groups }) => groups.map((group) => seqsKey(seqsOfGroup(group))).join(),
  },
  compare: {
    schema: closed({ type: Type.Literal('compare'), instance: integer, digest: runningDigest }),
    fitsAnyCluster: false,
    isAnswer: false,
    contradiction: unlessBetweenServers,
    // A server compares one instance at a time.
    repetitionKey: noKey,
    ...noBatches,
    sentence: ({ instance, digest }) => `compare instance ${instance} digest ${digest}`,
    kind: 'learn',
    label: ({ instance }) => `compare #${instance}`,
    key: ({ instance }) => `${instance}`,
  },
  compared: {
    schema: closed({
      type: Type.Literal('compared'),
      instance: integer,
      digests: Type.Array(runningDigest, { minItems: 1, maxItems: mostCompared }),
    }),
    fitsAnyCluster: false,
    isAnswer: true,
    contradiction: unlessBetweenServers,
    repetitionKey: ({ instance, digests }) => `${instance} ${digests.join()}`,
    ...noBatches,
    sentence: ({ instance, digests }) => `compared instance ${instance} digests ${digests.join(' ')}`,
    kind: 'chosen',
    label: ({ instance }) => `compared #${instance}`,
    key: ({ instance }) => `${instance}`,
  },
  exposure: {
    schema: closed({
      type: Type.Literal('exposure'),
      node: integer,
      directory: name,
      one: heardBoot,
      other: heardBoot,
    }),
    fitsAnyCluster: false,
    isAnswer: false,
    contradiction: (message, origin) =>
      unlessBetweenServers(message, origin) ?? contradictionInExposure(message),
    repetitionKey: ({ directory }) => directory,
    ...noBatches,
    sentence: ({ node, one, other }) =>
      `exposure of server ${node} boots ${one.boot.count} and ${other.boot.count}`,
    kind: 'learn',
    label: ({ node }) => `exposure of ${node}`,
    key: ({ node }) => `${node}`,
  },
  confirm: {
    schema: closed({ type: Type.Literal('confirm'), question: integer, after: Type.Optional(digestAfter) }),
    fitsAnyCluster: false,
    isAnswer: false,
    contradiction: unlessBetweenServers,
    repetitionKey: ({ question }) => `${question}`,
    ...noBatches,
    sentence: () => 'confirm',
    kind: 'confirm',
    label: () => 'confirm',
    key: ({ question }) => `${question}`,
  },
  confirmed: {
    schema: closed({
      type: Type.Literal('confirmed'),
      question: integer,
      after: Type.Optional(digestAfter),
      firstUnchosen: integer,
      acceptedBelow: integer,
    }),
    fitsAnyCluster: false,
    isAnswer: true,
    contradiction: (message, origin) =>
      unlessBetweenServers(message, origin) ?? contradictionInConfirmed(message),
    repetitionKey: confirmedKey,
    ...noBatches,
    sentence: ({ firstUnchosen, acceptedBelow }) =>
      `confirmed accepted below ${acceptedBelow}${knownText(firstUnchosen, acceptedBelow)}`,
    kind: 'confirmed',
    label: ({ acceptedBelow }) => `confirmed below #${acceptedBelow}`,
    key: confirmedKey,
  },
} as const satisfies Entries<NodeMessage>

function confirmedKey({ question, firstUnchosen, acceptedBelow }: Confirmed): string {
  return `${question} ${firstUnchosen} ${acceptedBelow}`
}

function snapshotKey({ instance, digest }: SnapshotName): string {
  return `${instance} ${digest}`
}

function settledKey({ ballot, instance }: Settled): string {
  return `${ballotText(ballot)} ${instance}`
}

function labelAtInstance({ type, ballot, instance }: Accept | Accepted | Denial): string {
  return `${type} ${ballotText(ballot)} #${instance}`
}

function denialKey({ ballot, instance, promised, firstUnchosen }: Denial): string {
  return `${ballotText(ballot)} ${instance} ${ballotText(promised)} ${firstUnchosen}`
}

/** The instances that the sender knows to be chosen, when that differs from the instance of the message. */
function knownText(firstUnchosen: Instance, instance: Instance): string {
  return firstUnchosen === instance ? '' : `, all chosen below ${firstUnchosen}`
}
