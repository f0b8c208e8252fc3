/** The records that the hub keeps for pages that connect later: the latest records, and the state before them. */

import { emptyPicture, type Picture, pictureAfter, type ServerPicture } from '../records/picture.ts'
import type { ClientRecord, InspectorRecord, MachineState, RoleStates } from '../records/record.ts'
import { boundedPicture } from './bounded-picture.ts'
import { recordBytes } from './record-bytes.ts'

export interface HistoryLimits {
  readonly records: number
  /** Characters of JSON. */
  readonly characters: number
  /** About how many bytes of memory all records take together, because the pictures between them refer to their content. */
  readonly bytes: number
}

/**
 * About how many bytes of memory a picture may take. Above this limit it is shortened. It is measured again only after new records
 * of this many bytes.
 */
const pictureBytes = 16 * 1024 * 1024

/** The part of the kept records that is evicted at once when there are too many. */
const forgottenPart = 0.1

/** The number of pictures that are kept between the records. Records can be evicted up to the place of a picture. */
const places = 40

/** The number of requests of each client that a page that connects later receives. */
const sessionsSent = 20

/** The roles of a server that is gone: the page receives a keyframe with them, then the record that the server is gone. */
const nowhere: RoleStates = (() => {
  const machine: MachineState = { state: '', context: {} }
  return {
    acceptor: machine,
    proposer: machine,
    learner: machine,
    requestQueue: machine,
    timekeeper: machine,
    auditor: machine,
    reader: machine,
  }
})()

/** Records as JSON, numbered in order from 0. */
export class History {
  readonly #limits: HistoryLimits
  #texts: string[] = []
  #characters = 0
  /** The size of each record in memory, and of all together. */
  #sizes: number[] = []
  #bytes = 0
  /** The bytes that were added since the picture was last measured. */
  #bytesSinceSeen = 0
  #first = 0
  /** The picture before the first record that is kept, and after the last one. */
  #before: Picture = emptyPicture
  #after: Picture = emptyPicture
  /** Pictures before some of the records between, in order. */
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

  /** Adds a record with its JSON. */
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
   * The JSON of the records from number `from` on: at most `count` records, and only the first one if they exceed `characters`.
   * Evicted records are not included.
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

  /** Records that lead to the state before the first record that is kept; none when nothing was evicted. */
  head(): readonly InspectorRecord[] {
    const { cluster, servers, clients, service, invariants, milestones } = this.#before
    if (cluster === null) return []
    return [
      cluster,
      ...servers.flatMap((server) => this.#recordsOf(server)),
      ...clients.flatMap(({ name, sessions }) =>
        sessions.slice(-sessionsSent).map(
          ({ uid, machine, moves }): ClientRecord => ({
            kind: 'client',
            client: name,
            uid,
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
      // Last: the records before it cause milestones that this list already holds.
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
    const isShown = state === 'gone' || state === 'paused' || (state === 'silent' && reason !== null)
    if (isShown) records.push({ kind: 'process', node, timeMs, state, reason })
    return records
  }

  #serviceOf({
    node,
    firstUnexecuted,
    view,
    replica,
  }: NonNullable<Picture['service']>): readonly InspectorRecord[] {
    const server = this.#before.servers.find((other) => other.node === node)
    if (server === undefined || server.run === null || server.roles === null) return []
    const { run, incarnation, clock, timeMs } = server
    const record = { kind: 'service', clock, timeMs, firstUnexecuted, view, replica } as const
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

/** The picture after `record`. A line of a file that was edited by hand may not fit the picture: then it changes nothing. */
function taken(picture: Picture, record: InspectorRecord): Picture {
  try {
    return pictureAfter(picture, record)
  } catch {
    return picture
  }
}
