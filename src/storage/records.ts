/**
 * The format of records. A record is the text `CHECKSUM COUNT JSON`. COUNT is the number of the write that stored it, which
 * increases with each write. CHECKSUM is the CRC-32, in hexadecimal, of the text after it.
 */
import { crc32 } from 'node:zlib'
import type { Ballot } from '../../machines/ballot.ts'
import type { Batch, Instance } from '../../machines/batch.ts'
import type { Identity } from './storage.ts'

/** `meta/identity`: never changes. `format` is the format of all other records. */
export interface IdentityRecord extends Identity {
  readonly format: number
}

export const storedFormat = 2

/**
 * `meta/state`: each write contains it, so it must agree with all other records in the store. If a write was lost and a
 * later one was kept, they disagree.
 */
export interface StateRecord {
  readonly promised: Ballot | null
  readonly firstUnchosen: Instance
  /** For each accepted instance at and above `firstUnchosen`: the number of the write that stored its record. */
  readonly accepted: readonly (readonly [Instance, number])[]
  /** The digest of the write numbers of the records below `firstUnchosen`, in order. */
  readonly settled: number
}

/**
 * `instance/…`: the accepted batch; below `firstUnchosen`, the chosen batch. `ballot` is `null` if this server did not
 * accept it.
 */
export interface InstanceRecord {
  readonly ballot: Ballot | null
  readonly batch: Batch
}

export const identityKey = 'meta/identity'
export const stateKey = 'meta/state'

/** The keys sort in the order of the instances: every safe integer fits into sixteen digits. */
export function instanceKey(instance: Instance): string {
  return `instance/${String(instance).padStart(16, '0')}`
}

/** The instance of a key, or `null` if it is not the key of an instance. */
export function instanceOfKey(key: string): Instance | null {
  return /^instance\/\d{16}$/.test(key) ? Number(key.slice('instance/'.length)) : null
}

/** Adds `count` to a digest of write numbers. The digest of none is 0. */
export function digestWith(digest: number, count: number): number {
  return crc32(`${count} `, digest)
}

/** The text of a record that write number `count` stores. */
export function encodeRecord(count: number, value: object): string {
  const content = `${count} ${JSON.stringify(value)}`
  return `${checksum(content)} ${content}`
}

/** Makes the error for damaged data. An older copy is no remedy: it may lack a promise of this server. */
export function damage(what: string): Error {
  return new Error(
    `it is damaged: ${what}. Do not restore an older copy, which may lack promises of this server: ` +
      'remove the server from the cluster, and let it join again with an empty directory',
  )
}

/** Verifies and decodes the record `text` of `key`. Throws an error that names the key when it is damaged. */
export function openRecord(key: string, text: string): { readonly count: number; readonly json: string } {
  const content = text.slice(checksumLength + 1)
  const stored = text.slice(0, checksumLength)
  const actual = checksum(content)
  if (stored !== actual || text[checksumLength] !== ' ') {
    throw damage(`the checksum of the record ${key} is ${actual}, and the stored one is ${stored}`)
  }
  const space = content.indexOf(' ')
  return { count: Number(content.slice(0, space)), json: content.slice(space + 1) }
}

const checksumLength = 8

function checksum(content: string): string {
  return crc32(content).toString(16).padStart(checksumLength, '0')
}
