/** The messages that clients send to servers. */
import { Type } from '@sinclair/typebox'
import type { ClientMessage } from '../../machines/messages.ts'
import { isPlainText } from '../core/plain-text-client.ts'
import { isInOrder, noContradiction } from './contradictions.ts'
import { allSeqsKey, type Entries, noBatches, noKey, seqsKey, seqsOf, seqsOfGroup } from './entry.ts'
import { closed, commandBody, integer, name, nonce, requestGroup, snapshot } from './part-schemas.ts'
import { groupText, readText, seqsName } from './part-texts.ts'

export const clientMessages = {
  request: {
    schema: closed({ type: Type.Literal('request'), ...requestGroup, avoid: Type.Optional(integer) }),
    fitsAnyCluster: false,
    isAnswer: false,
    contradiction: ({ uid, requests }) => {
      if (isPlainText(uid)) return `request: the uid ${uid} is reserved for plain text clients`
      return isInOrder(requests) ? null : 'request: the seqs are not in order, each once'
    },
    repetitionKey: (message) => allSeqsKey(seqsOfGroup(message)),
    ...noBatches,
    sentence: ({ avoid, ...group }) =>
      `request ${groupText(group)}${avoid === undefined ? '' : `, not for server ${avoid}`}`,
    kind: 'request',
    label: (message) => `request ${seqsName(seqsOfGroup(message))}`,
    key: (message) => seqsKey(seqsOfGroup(message)),
  },
  read: {
    schema: closed({
      type: Type.Literal('read'),
      uid: name,
      reads: Type.Array(closed({ seq: integer, body: commandBody }), { minItems: 1 }),
      stale: Type.Boolean(),
    }),
    fitsAnyCluster: false,
    isAnswer: false,
    contradiction: ({ uid, reads }) => {
      if (isPlainText(uid)) return `read: the uid ${uid} is reserved for plain text clients`
      return isInOrder(reads) ? null : 'read: the seqs are not in order, each once'
    },
    repetitionKey: ({ uid, reads }) => allSeqsKey({ uid, seqs: seqsOf(reads) }),
    ...noBatches,
    sentence: ({ uid, reads, stale }) =>
      `read ${reads.map((read) => readText(uid, read)).join(', ')}${stale ? ', may be stale' : ''}`,
    kind: 'request',
    label: ({ uid, reads }) => `read ${seqsName({ uid, seqs: seqsOf(reads) })}`,
    key: ({ uid, reads }) => seqsKey({ uid, seqs: seqsOf(reads) }),
  },
  hello: {
    schema: closed({ type: Type.Literal('hello'), nonce }),
    fitsAnyCluster: true,
    isAnswer: false,
    contradiction: noContradiction,
    repetitionKey: noKey,
    ...noBatches,
    sentence: () => 'hello',
    kind: 'request',
    label: () => 'hello',
    key: noKey,
  },
  inquire: {
    schema: closed({ type: Type.Literal('inquire'), nonce }),
    fitsAnyCluster: true,
    isAnswer: false,
    contradiction: noContradiction,
    repetitionKey: noKey,
    ...noBatches,
    sentence: () => 'inquire',
    kind: 'request',
    label: () => 'inquire',
    key: noKey,
  },
  backup: {
    schema: closed({
      type: Type.Literal('backup'),
      least: integer,
      part: Type.Optional(closed({ snapshot, offsetBytes: integer })),
      nonce,
    }),
    fitsAnyCluster: true,
    isAnswer: false,
    contradiction: noContradiction,
    repetitionKey: noKey,
    ...noBatches,
    sentence: ({ least, part }) =>
      part === undefined
        ? `backup from ${least}`
        : `backup of ${part.snapshot.instance}, from byte ${part.offsetBytes}`,
    kind: 'request',
    label: () => 'backup',
    key: ({ part }) => String(part?.offsetBytes ?? ''),
  },
} as const satisfies Entries<ClientMessage>
