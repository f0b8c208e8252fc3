/**
 * How records are written. A record is the text `CHECKSUM COUNT JSON`. The count is that of the write that stored it, and
 * increases with every write; the checksum is the CRC-32, in hexadecimal, of everything after it.
 */
import { crc32 } from 'node:zlib'
import type { Ballot } from '../../machines/ballot.ts'
import type { Batch, Instance } from '../../machines/batch.ts'
import type { Identity } from './storage.ts'

/** `meta/identity`: never changes. `format` says how everything else is stored. */
export interface IdentityRecord extends Identity {
  readonly format: number
}

export const storedFormat = 2

/**
 * `meta/state`: part of every write, so what it says must hold of everything else in the store. A write that got lost
 * while a later one was kept shows in it.
 */
export interface StateRecord {
  readonly promised: Ballot | null
  readonly firstUnchosen: Instance
  /** For each instance at and above `firstUnchosen` at which something is accepted: the count of its record. */
  readonly accepted: readonly (readonly [Instance, number])[]
  /** The digest of the counts of the records below `firstUnchosen`, in order. */
  readonly settled: number
}

/** `instance/…`: what was accepted there, and below `firstUnchosen` what was chosen. `ballot` is `null` if it was not accepted here. */
export interface InstanceRecord {
  readonly ballot: Ballot | null
  readonly batch: Batch
}

export const identityKey = 'meta/identity'
export const stateKey = 'meta/state'

/** Keys of instances sort as the instances do: sixteen digits hold every safe integer. */
export function instanceKey(instance: Instance): string {
  return `instance/${String(instance).padStart(16, '0')}`
}

/** The instance of a key, or `null` if it is not that of an instance. */
export function instanceOfKey(key: string): Instance | null {
  return /^instance\/\d{16}$/.test(key) ? Number(key.slice('instance/'.length)) : null
}

/** The digest of counts that ends in `count`, from the digest of those before it; 0 is the digest of none. */
export function digestWith(digest: number, count: number): number {
  return crc32(`${count} `, digest)
}

/** The text of a record, stored by the write `count`. */
export function encodeRecord(count: number, value: object): string {
  const content = `${count} ${JSON.stringify(value)}`
  return `${checksum(content)} ${content}`
}

/** What is stored cannot be trusted. An older copy of it may have forgotten a promise, so it does not help. */
export function damage(what: string): Error {
  return new Error(
    `it is damaged: ${what}. Do not put an older copy in its place, which may lack what this server promised: ` +
      'remove the server from the cluster, and let it join again with an empty directory',
  )
}

/** Verifies the record `text`, stored at `key`, and takes it apart. Throws, with the key, when it is damaged. */
export function openRecord(key: string, text: string): { readonly count: number; readonly json: string } {
  const content = text.slice(checksumLength + 1)
  const stored = text.slice(0, checksumLength)
  const actual = checksum(content)
  if (stored !== actual || text[checksumLength] !== ' ') {
    throw damage(`the checksum of the record ${key} is ${actual}, and ${stored} was stored with it`)
  }
  const space = content.indexOf(' ')
  return { count: Number(content.slice(0, space)), json: content.slice(space + 1) }
}

const checksumLength = 8

function checksum(content: string): string {
  return crc32(content).toString(16).padStart(checksumLength, '0')
}
