import fc from 'fast-check'
import type { Json, NodeId } from '../../machines/batch.ts'
import type { Message } from '../../machines/messages.ts'
import { encodeEnvelope } from '../../src/wire/codec.ts'
import { messageTypes, type Said, said } from '../support/arbitraries.ts'
import { envelopeIn } from '../support/wire-text.ts'

/** What honest clients call themselves, their locks and values: what bears it is theirs. */
export const honestMark = 'honest'

/** What servers say that is no vote, nor asks for one: a lie in it may cost time, but nothing else. */
const noVotes = new Set(['prepare', 'learn', 'denial', 'fetch', 'compacted', 'chunk'])

/** Of each type, and of whole datagrams, the last so many are kept. */
const keptPerType = 200
const keptDatagrams = 2_000

/** Fields that name incarnations, wherever they stand. */
const incarnationFields = new Set([
  'i',
  'r',
  'incarnation',
  'incarnations',
  'addressee',
  'joining',
  'directory',
])

/**
 * What was seen on the wire. Datagrams are kept as they were, to be sent again; and as envelopes of one type of message,
 * to be changed. Of these everything is taken that only the servers and clients themselves may know: incarnations, and
 * the names that honest clients use.
 */
export class Corpus {
  readonly datagrams: { readonly bytes: Buffer; readonly server: NodeId }[] = []
  /** What one server asked of another, or refused it, whole: with the incarnations of both. */
  readonly questions: { readonly text: string; readonly server: NodeId }[] = []
  readonly #byType = new Map<string, string[]>()
  readonly #secrets = new Set<string>()
  #seen = 0

  /** Begins with what an honest server or client could say of every type, made from `seed`. */
  constructor(cluster: string, seed: number) {
    for (const [offset, type] of messageTypes.entries()) {
      const samples = fc.sample(said[type] as fc.Arbitrary<Said>, { seed: seed + offset, numRuns: 50 })
      for (const one of samples) {
        for (const datagram of encodeEnvelope({ ...one, cluster, messages: [one.message] })) {
          const envelope = envelopeIn(datagram)
          if (envelope !== null) this.#keep(type, JSON.stringify(envelope))
        }
      }
    }
  }

  /** The types of which there is something. */
  get types(): readonly string[] {
    return [...this.#byType.keys()]
  }

  /** Types that were seen on the wire, not made. */
  readonly seenTypes = new Set<string>()

  /** True once a server was seen to name incarnations, by which servers believe each other. */
  sawNames = false

  /** Takes a datagram that was seen, on its way to the server `server` or from there. */
  record(datagram: Buffer, server: NodeId): void {
    this.#seen += 1
    this.datagrams[(this.#seen - 1) % keptDatagrams] = {
      bytes: Buffer.from(datagram),
      server,
    }
    const envelope = envelopeIn(datagram)
    if (envelope === null) return
    this.#learnSecrets(envelope)
    const { m, i } = envelope
    if (i !== undefined) this.sawNames = true
    if (!Array.isArray(m)) return
    for (const message of m) {
      const type = (message as Partial<Message> | null)?.type
      if (type === undefined) continue
      this.seenTypes.add(type)
      const text = JSON.stringify({ ...envelope, m: [message] })
      this.#keep(type, text)
      if (noVotes.has(type) && i !== undefined) {
        this.questions[
          this.questions.length < keptPerType ? this.questions.length : this.#seen % keptPerType
        ] = { text, server }
      }
    }
  }

  /** Some envelope with a message of `type` and its batches, as JSON, with nothing in it that is secret. `at` chooses which. */
  envelopeOf(type: string, at: number): string {
    const texts = this.#byType.get(type) ?? []
    return this.scrubbed(texts[at % texts.length] ?? '{}')
  }

  /** `text` without incarnations and without the names of honest clients. */
  scrubbed(text: string): string {
    let scrubbed = text.replaceAll(honestMark, 'fuzzed')
    for (const secret of this.#secrets) scrubbed = scrubbed.replaceAll(secret, 'scrubbed')
    return scrubbed
  }

  #keep(type: string, text: string): void {
    const texts = this.#byType.get(type) ?? []
    this.#byType.set(type, texts)
    if (texts.length < keptPerType) texts.push(text)
    else texts[this.#seen % keptPerType] = text
  }

  #learnSecrets(value: Json, field = ''): void {
    if (typeof value === 'string') {
      if (incarnationFields.has(field) && value.length >= 4) this.#secrets.add(value)
    } else if (Array.isArray(value)) for (const inner of value) this.#learnSecrets(inner, field)
    else if (typeof value === 'object' && value !== null) {
      for (const [key, inner] of Object.entries(value)) this.#learnSecrets(inner, key)
    }
  }
}
