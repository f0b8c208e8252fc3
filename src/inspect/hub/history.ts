/** The records that the hub keeps, for pages that come later: the latest, and where all stood before them. */

import { emptyPicture, type Picture, pictureAfter, type ServerPicture } from '../records/picture.ts'
import type { ClientRecord, InspectorRecord, MachineState, RoleStates } from '../records/record.ts'
import { boundedPicture } from './bounded-picture.ts'
import { recordBytes } from './record-bytes.ts'

export interface HistoryLimits {
  readonly records: number
  /** Of JSON. */
  readonly characters: number
  /** Of memory, about, of all records together: where all stood between them is made of what they say. */
  readonly bytes: number
}

/** What is known of where all stood, in bytes of memory, about: more is given up. So much more is not looked at each time. */
const pictureBytes = 16 * 1024 * 1024

/** How much is forgotten at once when there is too much: a part of what is kept. */
const forgottenPart = 0.1

/** Where all stood is remembered so often among the records that may be kept: there, what is before can be forgotten. */
const places = 40

/** Requests of clients that are told of to a page that comes later, of each client. */
const requestsTold = 20

/** Of a server that is gone: it is told where its roles are, and then that they are no more. */
const nowhere: RoleStates = (() => {
  const machine: MachineState = { state: '', context: {} }
  return { acceptor: machine, proposer: machine, learner: machine, requestQueue: machine }
})()

/** Records as JSON, each with a number: from 0 on, in order. */
export class History {
  readonly #limits: HistoryLimits
  #texts: string[] = []
  #characters = 0
  /** What each of them takes in memory, and all together. */
  #sizes: number[] = []
  #bytes = 0
  /** The same, since it was last seen what the picture takes. */
  #bytesSinceSeen = 0
  #first = 0
  /** Where all stood before the first record that is kept, and after the last one. */
  #before: Picture = emptyPicture
  #after: Picture = emptyPicture
  /** Where all stood before some of those between, in order. */
  #pictures: { readonly number: number; readonly picture: Picture }[] = []
  readonly #pictureEvery: number

  constructor(limits: HistoryLimits) {
    this.#limits = limits
    this.#pictureEvery = Math.max(1, Math.floor(limits.records / places))
  }

  /** The number of the first record that is kept. */
  get first(): number {
    return this.#first
  }

  /** The number that the next record gets. */
  get end(): number {
    return this.#first + this.#texts.length
  }

  /** Takes a record, and its JSON. */
  add(record: InspectorRecord, text = JSON.stringify(record)): void {
    if (this.end % this.#pictureEvery === 0) this.#pictures.push({ number: this.end, picture: this.#after })
    this.#texts.push(text)
    this.#characters += text.length
    this.#takeSize(recordBytes(record))
    this.#after = taken(this.#after, record)
    if (this.#bytesSinceSeen > pictureBytes) {
      this.#after = boundedPicture(this.#after, pictureBytes)
      this.#bytesSinceSeen = 0
    }
    const { records, characters, bytes } = this.#limits
    const isTooMuch = this.#texts.length > records || this.#characters > characters || this.#bytes > bytes
    if (isTooMuch) this.#forget()
  }

  /**
   * The JSON of the records from the number `from` on, so many at most, and no more than the first where they have more than so
   * many characters; those that are forgotten are not among them.
   */
  texts(from: number, count: number, characters = Number.POSITIVE_INFINITY): readonly string[] {
    const place = Math.max(0, from - this.#first)
    let sum = 0
    const texts = this.#texts.slice(place, place + count)
    const most = texts.findIndex((text) => {
      sum += text.length
      return sum > characters
    })
    return most === -1 ? texts : texts.slice(0, Math.max(1, most))
  }

  /** Records that lead to where all stood before the first that is kept; none when nothing was forgotten. */
  head(): readonly InspectorRecord[] {
    const { cluster, servers, clients, service, invariants, milestones } = this.#before
    if (cluster === null) return []
    return [
      cluster,
      ...servers.flatMap((server) => this.#recordsOf(server)),
      ...clients.flatMap(({ name, requests }) =>
        requests.slice(-requestsTold).map(
          ({ seq, machine, moves }): ClientRecord => ({
            kind: 'client',
            client: name,
            seq,
            timeMs: 0,
            heard: null,
            event: '',
            moves,
            said: [],
            machine,
          }),
        ),
      ),
      ...(service === null ? [] : this.#serviceOf(service)),
      ...(invariants.length === 0 ? [] : [{ kind: 'verdict', timeMs: 0, invariants } as const]),
      // The last: what comes before it has been told of already.
      { kind: 'milestones', milestones },
    ]
  }

  #recordsOf(server: ServerPicture): readonly InspectorRecord[] {
    const { node, run, incarnation, address, pid, members, durable, firstUnexecuted } = server
    const { clock, timeMs, state, reason, leftOut, leftOutSince } = server
    const records: InspectorRecord[] = []
    const name = { node, run: run ?? '', incarnation: incarnation ?? '' }
    if (leftOut > 0) records.push({ kind: 'gap', ...name, count: leftOut })
    if (run !== null && address !== null && durable !== null) {
      const roles = server.roles ?? nowhere
      const where = { address, pid, members, durable, firstUnexecuted, roles }
      records.push({ kind: 'server', ...name, record: { kind: 'keyframe', clock, timeMs, ...where } })
      const sample = server.samples.at(-1)
      if (leftOutSince > 0 && sample !== undefined) {
        const heads = { kind: 'heads', clock, ...sample, leftOut: leftOutSince } as const
        const { firstUnchosen } = heads
        if (firstUnchosen !== null)
          records.push({ kind: 'server', ...name, record: { ...heads, firstUnchosen } })
      }
    }
    const isTold = state === 'gone' || state === 'paused' || (state === 'silent' && reason !== null)
    if (isTold) records.push({ kind: 'process', node, timeMs, state, reason })
    return records
  }

  #serviceOf({ node, firstUnexecuted, view }: NonNullable<Picture['service']>): readonly InspectorRecord[] {
    const server = this.#before.servers.find((other) => other.node === node)
    if (server === undefined || server.run === null || server.roles === null) return []
    const { run, incarnation, clock, timeMs } = server
    const record = { kind: 'service', clock, timeMs, firstUnexecuted, view } as const
    return [{ kind: 'server', node, run, incarnation: incarnation ?? '', record }]
  }

  #takeSize(bytes: number): void {
    this.#sizes.push(bytes)
    this.#bytes += bytes
    this.#bytesSinceSeen += bytes
  }

  #forget(): void {
    const [mostRecords = 0, mostCharacters = 0, mostBytes = 0] = [
      this.#limits.records,
      this.#limits.characters,
      this.#limits.bytes,
    ].map((most) => most * (1 - forgottenPart))
    let characters = this.#characters
    let bytes = this.#bytes
    const least = this.#texts.findIndex((text, place) => {
      const isFew = this.#texts.length - place <= mostRecords
      const isLittle = isFew && characters <= mostCharacters && bytes <= mostBytes
      if (isLittle) return true
      characters -= text.length
      bytes -= this.#sizes[place] ?? 0
      return false
    })
    const from = least === -1 ? this.end : this.#first + least
    const begin = this.#pictures.find(({ number }) => number >= from) ?? {
      number: this.end,
      picture: this.#after,
    }
    const forgotten = this.#texts.slice(0, begin.number - this.#first)
    this.#characters -= forgotten.reduce((sum, text) => sum + text.length, 0)
    this.#bytes -= this.#sizes.slice(0, forgotten.length).reduce((sum, size) => sum + size, 0)
    this.#texts = this.#texts.slice(forgotten.length)
    this.#sizes = this.#sizes.slice(forgotten.length)
    this.#first = begin.number
    this.#before = boundedPicture(begin.picture, pictureBytes)
    this.#pictures = this.#pictures.filter(({ number }) => number > begin.number)
  }
}

/** A line in a file that somebody wrote by hand may be none of which a picture can be made: it changes nothing. */
function taken(picture: Picture, record: InspectorRecord): Picture {
  try {
    return pictureAfter(picture, record)
  } catch {
    return picture
  }
}
