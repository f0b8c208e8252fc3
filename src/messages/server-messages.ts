/** The messages that servers send to clients. */
import { Type } from '@sinclair/typebox'
import type { ServerMessage } from '../../machines/messages.ts'
import { requestName } from '../core/names.ts'
import { noContradiction } from './contradictions.ts'
import { allSeqsKey, type Entries, noBatches, noKey, seqsKey, seqsOf } from './entry.ts'
import {
  address,
  answer,
  chunkOfSnapshot,
  closed,
  integer,
  name,
  nonce,
  result,
  snapshot,
} from './part-schemas.ts'
import { outcomeText, seqsName, seqsText } from './part-texts.ts'

const seqs = Type.Array(integer, { minItems: 1 })
const members = Type.Array(closed({ id: integer, address, counted: Type.Boolean() }))

/** No server may silence a client for longer, in milliseconds. */
const longestAskAgainMs = 60_000

export const serverMessages = {
  response: {
    schema: closed({
      type: Type.Literal('response'),
      uid: name,
      answers: Type.Array(answer, { minItems: 1 }),
    }),
    fitsAnyCluster: false,
    isAnswer: true,
    contradiction: noContradiction,
    repetitionKey: ({ uid, answers }) => allSeqsKey({ uid, seqs: seqsOf(answers) }),
    ...noBatches,
    sentence: ({ uid, answers }) =>
      `response ${answers.map(({ seq, outcome }) => `${requestName({ uid, seq })}: ${outcomeText(outcome)}`).join('; ')}`,
    kind: 'response',
    label: ({ uid, answers }) => `response ${seqsName({ uid, seqs: seqsOf(answers) })}`,
    key: ({ uid, answers }) => `${answers[0]?.outcome.kind} ${seqsKey({ uid, seqs: seqsOf(answers) })}`,
  },
  queued: {
    schema: closed({
      type: Type.Literal('queued'),
      uid: name,
      seqs,
      askAgainMs: Type.Optional(Type.Integer({ minimum: 0, maximum: longestAskAgainMs })),
    }),
    fitsAnyCluster: false,
    isAnswer: true,
    contradiction: noContradiction,
    repetitionKey: allSeqsKey,
    ...noBatches,
    sentence: (message) => `queued ${seqsText(message)}`,
    kind: 'response',
    label: (message) => `queued ${seqsName(message)}`,
    key: seqsKey,
  },
  busy: {
    schema: closed({
      type: Type.Literal('busy'),
      uid: name,
      seqs,
      reason: Type.Union([
        Type.Literal('busy'),
        Type.Literal('notMember'),
        Type.Literal('stopping'),
        Type.Literal('noSpace'),
      ]),
    }),
    fitsAnyCluster: false,
    isAnswer: true,
    contradiction: noContradiction,
    repetitionKey: allSeqsKey,
    ...noBatches,
    sentence: (message) => `busy ${seqsText(message)}: ${message.reason}`,
    kind: 'response',
    label: (message) => `busy ${seqsName(message)}`,
    key: seqsKey,
  },
  welcome: {
    schema: closed({
      type: Type.Literal('welcome'),
      cluster: name,
      service: name,
      node: integer,
      instance: integer,
      members,
      commandBytes: integer,
      nonce,
    }),
    fitsAnyCluster: false,
    isAnswer: true,
    contradiction: ({ node, cluster }, origin) => {
      if (node !== origin.sender) return `welcome: sender ${origin.sender} gives its id as ${node}`
      return cluster === origin.cluster ? null : 'welcome: it names another cluster than its envelope'
    },
    repetitionKey: noKey,
    ...noBatches,
    sentence: ({ service }) => `welcome to the service ${service}`,
    kind: 'response',
    label: () => 'welcome',
    key: noKey,
  },
  report: {
    schema: closed({ type: Type.Literal('report'), status: result, nonce }),
    fitsAnyCluster: false,
    isAnswer: true,
    contradiction: noContradiction,
    repetitionKey: noKey,
    ...noBatches,
    sentence: () => 'report',
    kind: 'response',
    label: () => 'report',
    key: noKey,
  },
  offer: {
    schema: closed({
      type: Type.Literal('offer'),
      snapshot,
      lengthBytes: integer,
      digest: snapshot.properties.digest,
      cluster: name,
      service: name,
      head: result,
      members,
      nonce,
    }),
    fitsAnyCluster: false,
    isAnswer: true,
    contradiction: ({ cluster }, origin) =>
      cluster === origin.cluster ? null : 'offer: it names another cluster than its envelope',
    repetitionKey: noKey,
    ...noBatches,
    sentence: ({ snapshot: { instance }, lengthBytes }) =>
      `offer the state before ${instance}: ${lengthBytes} bytes`,
    kind: 'response',
    label: ({ snapshot: { instance } }) => `offer #${instance}`,
    key: ({ snapshot: { instance } }) => String(instance),
  },
  part: {
    schema: closed({
      type: Type.Literal('part'),
      snapshot,
      offsetBytes: integer,
      bytes: chunkOfSnapshot,
      nonce,
    }),
    fitsAnyCluster: false,
    isAnswer: true,
    contradiction: noContradiction,
    repetitionKey: ({ offsetBytes }) => String(offsetBytes),
    ...noBatches,
    sentence: ({ snapshot: { instance }, offsetBytes }) => `part of ${instance}, from byte ${offsetBytes}`,
    kind: 'response',
    label: ({ snapshot: { instance } }) => `part #${instance}`,
    key: ({ offsetBytes }) => String(offsetBytes),
  },
  noBackup: {
    schema: closed({
      type: Type.Literal('noBackup'),
      reason: Type.Union([
        Type.Literal('drawing'),
        Type.Literal('behind'),
        Type.Literal('gone'),
        Type.Literal('nothing'),
      ]),
      nonce,
    }),
    fitsAnyCluster: false,
    isAnswer: true,
    contradiction: noContradiction,
    repetitionKey: noKey,
    ...noBatches,
    sentence: ({ reason }) => `noBackup: ${reason}`,
    kind: 'response',
    label: () => 'noBackup',
    key: ({ reason }) => reason,
  },
} as const satisfies Entries<ServerMessage>
