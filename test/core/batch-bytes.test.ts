/** The bytes of a batch on their way through servers: those that its proposer made, in every message and every write. */
import { expect, test } from 'vitest'
import type { Batch } from '../../machines/batch.ts'
import { batchBytes } from '../../src/core/batch-bytes.ts'
import {
  type CoreEffect,
  type CoreInput,
  Decoder,
  EmbeddedNode,
  encodeEnvelope,
  foundingMembers,
  isNodeMessage,
  kvService,
  type Message,
  type Names,
  type NodeId,
  nothingStored,
  type Service,
} from '../../src/embedding.ts'
import { batchMark } from '../../src/wire/batch-parts.ts'

const cluster = 'c'
const founders = foundingMembers([0, 1, 2].map((id) => ({ id, address: `127.0.0.1:${7_000 + id}` })))
const nodes = founders.map(
  ({ id, incarnation }) =>
    EmbeddedNode.start(
      {
        self: id,
        incarnation: incarnation ?? '',
        founders,
        service: kvService as Service,
        stored: nothingStored,
        readChosen: () => [],
        randomSeed: id,
      },
      0,
    ).node,
)

/** Gives an input to the server `id`, and reports each write as durable. Returns the messages and the batches of the writes. */
function give(
  id: NodeId,
  input: CoreInput,
): { readonly sent: readonly CoreEffect[]; readonly written: readonly Batch[] } {
  const effects = [...nodes[id]!.take(input, 1, 1)]
  const written: Batch[] = []
  for (const effect of effects) {
    if (effect.type !== 'persist') continue
    const { write } = effect
    if (write.by === 'acceptor') written.push(...write.accepted.map(({ batch }) => batch))
    if (write.by === 'learner') written.push(...write.chosen.map(({ batch }) => batch))
    effects.push(...nodes[id]!.take({ type: 'persisted', write }, 1, 1))
  }
  return { sent: effects, written }
}

/** The message of that type from `sender` to `to`, as it leaves. */
function messageIn(effects: readonly CoreEffect[], type: Message['type'], to: NodeId) {
  const found = effects.find(
    (effect) => effect.type === 'send' && effect.to === to && effect.message.type === type,
  )
  if (found?.type !== 'send') throw new Error(`no ${type} to ${to}`)
  return found
}

/** Carries a datagram to the server `to`. */
function deliver(to: NodeId, datagram: Uint8Array) {
  const decoded = new Decoder({ cluster, nowMs: () => 0 }).decode(datagram, '127.0.0.1:7000')
  if (decoded.kind !== 'envelope') throw new Error(JSON.stringify(decoded))
  const { sender, names, messages } = decoded
  const [message] = messages
  if (sender === null || names === null || message === undefined || !isNodeMessage(message)) {
    throw new Error('not between servers')
  }
  return give(to, { type: 'message', sender, names, from: founders[sender]!.address, message })
}

function datagramOf(sender: NodeId, names: Names, message: Message): Uint8Array {
  return encodeEnvelope({ cluster, sender, names, messages: [message] })[0]!
}

test('a batch is stored, shown in a promise, helped and chosen as its proposer wrote it', () => {
  const written = '{ "elapsedMs": 0, "groups": [], "node": 0 }'
  const batch: Batch = { node: 0, elapsedMs: 0, groups: [] }
  const isAsWritten = (each: Batch) => Buffer.from(batchBytes(each)).toString() === written
  const accept: Message = { type: 'accept', ballot: { round: 1, node: 0 }, instance: 0, batch }
  const names = { incarnation: founders[0]!.incarnation ?? '', addressee: founders[1]!.incarnation }
  const plain = datagramOf(0, names, accept)
  const odd = Buffer.concat([plain.subarray(0, plain.indexOf(batchMark) + 1), Buffer.from(written)])

  const accepted = deliver(1, odd)
  expect(accepted.written.map(isAsWritten)).toEqual([true])

  const command = { kind: 'service', body: { action: 'get', key: 'k' } } as const
  const request = { type: 'request', uid: 'u', ackedBelow: 1, requests: [{ seq: 1, command }] } as const
  const asked = messageIn(give(2, { type: 'request', message: request, replyTo: 'c' }).sent, 'prepare', 1)
  const promise = messageIn(deliver(1, datagramOf(2, asked.names, asked.message)).sent, 'promise', 2)
  const shown = datagramOf(1, promise.names, promise.message)
  expect(Buffer.from(shown).includes(written)).toBe(true)

  const helped = messageIn(deliver(2, shown).sent, 'accept', 1)
  const second = deliver(1, datagramOf(2, helped.names, helped.message))
  expect(second.written.map(isAsWritten)).toEqual([true])
  const vote = messageIn(second.sent, 'accepted', 2)
  const chosen = deliver(2, datagramOf(1, vote.names, vote.message))
  expect(chosen.written.some(isAsWritten)).toBe(true)
})
