/** Every damage of a kind to the files of a store. */
import { blockBytes } from '../../src/storage/log/layout.ts'
import { scanSegment, whyNotNext } from '../../src/storage/log/scan.ts'
import { decodeHeader, startOf } from '../../src/storage/log/segment-header.ts'
import type { Contents } from '../support/memory-files.ts'

export interface Damaged {
  /** The damage, for messages. */
  readonly what: string
  readonly contents: Contents
}

interface Extent {
  /** The files at the moments before. */
  readonly earlier: readonly Contents[]
  /** Of the kinds with a case for each byte, every so many bytes are tried: 1 for each. */
  readonly stepBytes: number
}

type Damages = (contents: Contents, extent: Extent) => Generator<Damaged>

const sectorBytes = 512

/** Each kind of damage. */
export const damages = {
  'one bit of a byte flipped': (contents, extent) =>
    eachByte(contents, extent, (bytes, offset) => {
      bytes[offset]! ^= 1 << (offset % 8)
    }),
  'a byte inverted': (contents, extent) =>
    eachByte(contents, extent, (bytes, offset) => {
      bytes[offset]! ^= 0xff
    }),
  'a file cut': function* (contents, { stepBytes }) {
    for (const [path, bytes] of contents) {
      for (const length of stepsOf(bytes, stepBytes)) {
        yield changed(contents, path, bytes.subarray(0, length), `cut to ${length} bytes`)
      }
    }
  },
  'zeros from a sector on': (contents) =>
    eachSector(contents, (bytes, offset) => {
      bytes.fill(0, offset)
    }),
  'a sector zeroed': (contents) =>
    eachSector(contents, (bytes, offset) => {
      bytes.fill(0, offset, offset + sectorBytes)
    }),
  'a block zeroed': (contents) =>
    eachBlock(contents, (bytes, offset) => {
      bytes.fill(0, offset, offset + blockBytes)
    }),
  'a block written over another one': function* (contents) {
    for (const [path, bytes] of contents) {
      for (const source of blocksOf(bytes)) {
        const block = bytes.subarray(source, source + blockBytes)
        for (const offset of blocksOf(bytes)) {
          if (source === offset) continue
          const after = bytes.slice()
          after.set(block, offset)
          yield changed(contents, path, after, `the block at ${source} written at ${offset}`)
        }
      }
    }
  },
  'two segments swapped': function* (contents) {
    const segments = segmentsOf(contents)
    for (const [place, one] of segments.entries()) {
      for (const other of segments.slice(place + 1)) {
        const swapped = new Map(contents)
        swapped.set(one, contents.get(other)!).set(other, contents.get(one)!)
        yield { what: `${one} and ${other} swapped`, contents: swapped }
      }
    }
  },
  'a file missing': function* (contents) {
    for (const path of contents.keys()) {
      const without = new Map(contents)
      without.delete(path)
      yield { what: `${path} missing`, contents: without }
    }
  },
  'a file of an earlier moment': function* (contents, { earlier }) {
    const tried = new Map([...contents].map(([path, bytes]) => [path, new Set([bytes])]))
    for (const [moment, files] of earlier.entries()) {
      for (const [path, bytes] of files) {
        const versions = tried.get(path) ?? new Set()
        if (versions.has(bytes)) continue
        tried.set(path, versions.add(bytes))
        yield changed(contents, path, bytes, `as at moment ${moment}`)
      }
    }
  },
  'a group copied over the next one': (contents) =>
    eachGroup(contents, (bytes, from, to) => {
      const after = new Uint8Array(Math.max(bytes.length, 2 * to - from))
      after.set(bytes)
      after.set(bytes.subarray(from, to), to)
      return after
    }),
  'a group repeated': (contents) =>
    eachGroup(contents, (bytes, from, to) =>
      Buffer.concat([bytes.subarray(0, to), bytes.subarray(from, to), bytes.subarray(to)]),
    ),
  'a group repeated twice': (contents) =>
    eachGroup(contents, (bytes, from, to) => {
      const group = bytes.subarray(from, to)
      return Buffer.concat([bytes.subarray(0, to), group, group, bytes.subarray(to)])
    }),
  'a group removed': (contents) =>
    eachGroup(contents, (bytes, from, to) => Buffer.concat([bytes.subarray(0, from), bytes.subarray(to)])),
} satisfies Readonly<Record<string, Damages>>

export type Kind = keyof typeof damages

export const kinds = Object.keys(damages) as readonly Kind[]

/** The kinds with a case for each byte. */
export const byteKinds: readonly Kind[] = ['one bit of a byte flipped', 'a byte inverted', 'a file cut']

/** The kinds with a case for each sector or block, or for each two blocks. */
export const placeKinds: readonly Kind[] = [
  'zeros from a sector on',
  'a sector zeroed',
  'a block zeroed',
  'a block written over another one',
]

/** The kinds with a case for each file, group or earlier moment. */
export const fileKinds = kinds.filter((kind) => !byteKinds.includes(kind) && !placeKinds.includes(kind))

type Change = (bytes: Uint8Array, offset: number) => void

function* eachByte(contents: Contents, { stepBytes }: Extent, change: Change): Generator<Damaged> {
  for (const [path, bytes] of contents) yield* eachAt(contents, path, stepsOf(bytes, stepBytes), change)
}

function* eachSector(contents: Contents, change: Change): Generator<Damaged> {
  for (const [path, bytes] of contents) yield* eachAt(contents, path, stepsOf(bytes, sectorBytes), change)
}

function* eachBlock(contents: Contents, change: Change): Generator<Damaged> {
  for (const [path, bytes] of contents) yield* eachAt(contents, path, blocksOf(bytes), change)
}

function* eachAt(
  contents: Contents,
  path: string,
  offsets: Iterable<number>,
  change: Change,
): Generator<Damaged> {
  for (const offset of offsets) {
    const after = contents.get(path)!.slice()
    change(after, offset)
    yield changed(contents, path, after, `changed at ${offset}`)
  }
}

function* eachGroup(
  contents: Contents,
  change: (bytes: Uint8Array, from: number, to: number) => Uint8Array,
): Generator<Damaged> {
  for (const path of segmentsOf(contents)) {
    const bytes = contents.get(path)!
    for (const [from, to] of groupsIn(bytes)) {
      yield changed(contents, path, change(bytes, from, to), `changed at the group from ${from} to ${to}`)
    }
  }
}

/** Where groups begin and end in an undamaged segment. */
function groupsIn(bytes: Uint8Array): readonly (readonly [from: number, to: number])[] {
  const decoded = decodeHeader(bytes)
  if ('reason' in decoded) return []
  const { header } = decoded
  const groups: [from: number, to: number][] = []
  scanSegment(
    { bytes, salt: header.salt, start: startOf(header), until: null, whyNot: whyNotNext },
    (_, { endBytes }) => {
      groups.push([groups.at(-1)?.[1] ?? blockBytes, endBytes])
    },
  )
  return groups
}

function blocksOf(bytes: Uint8Array): Generator<number> {
  return stepsOf(bytes, blockBytes)
}

function* stepsOf(bytes: Uint8Array, stepBytes: number): Generator<number> {
  for (let offset = 0; offset < bytes.length; offset += stepBytes) yield offset
}

function segmentsOf(contents: Contents): readonly string[] {
  return [...contents.keys()].filter((path) => path.endsWith('.log'))
}

function changed(contents: Contents, path: string, bytes: Uint8Array, what: string): Damaged {
  return { what: `${path} ${what}`, contents: new Map(contents).set(path, bytes) }
}
