import type { AcceptedRecord, Instance } from '../../machines/batch.ts'
import type { Database } from './level-database.ts'
import {
  damage,
  digestWith,
  type IdentityRecord,
  type InstanceRecord,
  identityKey,
  instanceKey,
  instanceOfKey,
  openRecord,
  type StateRecord,
  stateKey,
  storedFormat,
} from './records.ts'
import type { Durable } from './storage.ts'

/** The verified contents of a database. */
export interface Contents extends Durable {
  /** The number of the last write; 0 if there was none. */
  readonly count: number
  /** For each accepted instance, the number of the write that stored its record. */
  readonly counts: ReadonlyMap<Instance, number>
  /** The digest of the write numbers of the records below `firstUnchosen`. */
  readonly settled: number
}

const entriesAtOnce = 1_000
const bytesAtOnce = 1_000_000

/**
 * Reads and verifies all of `database`: checks each checksum, and that no earlier write is missing among those that were
 * kept. LevelDB skips unreadable parts of its log without an error, so its user must find the loss. The time is linear in
 * the number of instances: about half a second for 100,000. Throws an error that names the record when one is damaged.
 */
export async function readContents(database: Database): Promise<Contents> {
  const [identityText, stateText] = await database.getMany([identityKey, stateKey])
  if (identityText === undefined || stateText === undefined) return nothing(database, identityText, stateText)

  const identityRecord = openRecord(identityKey, identityText)
  const { format, ...identity } = JSON.parse(identityRecord.json) as IdentityRecord
  if (format !== storedFormat) {
    throw new Error(
      `its format is ${format}, and this version reads format ${storedFormat}: use the version that made it`,
    )
  }
  const stateRecord = openRecord(stateKey, stateText)
  const { promised, firstUnchosen, ...expected } = JSON.parse(stateRecord.json) as StateRecord
  const expectedCounts = new Map(expected.accepted)
  const accepted: AcceptedRecord[] = []
  const counts = new Map<Instance, number>()
  let nextSettled = 0
  let settled = 0
  for await (const page of pages(database)) {
    for (const [key, text] of page) {
      if (key === identityKey || key === stateKey) continue
      const instance = instanceOfKey(key)
      if (instance === null) throw foreign(key)
      const { count, json } = openRecord(key, text)
      if (instance < firstUnchosen) {
        if (instance !== nextSettled) throw damage(`the record ${instanceKey(nextSettled)} is missing`)
        nextSettled += 1
        settled = digestWith(settled, count)
        continue
      }
      const last = expectedCounts.get(instance)
      const { ballot, batch } = JSON.parse(json) as InstanceRecord
      if (count !== last || ballot === null) {
        throw damage(
          `the record ${key} was stored by write ${count}, and the last write of this record was ${last ?? 'none'}`,
        )
      }
      accepted.push({ instance, ballot, batch })
      counts.set(instance, count)
    }
  }
  const missing =
    nextSettled < firstUnchosen
      ? nextSettled
      : expected.accepted.find(([instance]) => !counts.has(instance))?.[0]
  if (missing !== undefined) throw damage(`the record ${instanceKey(missing)} is missing`)
  if (settled !== expected.settled) {
    throw damage(
      `a record below ${instanceKey(firstUnchosen)} is not the last one that was written: the digest is ${settled}, not ${expected.settled}`,
    )
  }
  return { identity, promised, accepted, firstUnchosen, count: stateRecord.count, counts, settled }
}

/** A first start finds an empty database. If the database holds any record, another program made it, or it is damaged. */
async function nothing(
  database: Database,
  identity: string | undefined,
  state: string | undefined,
): Promise<Contents> {
  if (identity !== undefined || state !== undefined) {
    throw damage(`the record ${identity === undefined ? identityKey : stateKey} is missing`)
  }
  for await (const [entry] of pages(database)) {
    const key = entry![0]
    throw instanceOfKey(key) === null ? foreign(key) : damage(`the record ${identityKey} is missing`)
  }
  return {
    identity: null,
    promised: null,
    accepted: [],
    firstUnchosen: 0,
    count: 0,
    counts: new Map(),
    settled: 0,
  }
}

function foreign(key: string): Error {
  return new Error(
    `it is not a store of this kind: it holds a record ${JSON.stringify(key)}. Give an empty directory, or one that a server made`,
  )
}

/** All records in order of their keys, many at once. */
async function* pages(database: Database): AsyncGenerator<[key: string, value: string][]> {
  const iterator = database.iterator({ highWaterMarkBytes: bytesAtOnce })
  try {
    for (;;) {
      const page = await iterator.nextv(entriesAtOnce)
      if (page.length === 0) return
      yield page
    }
  } finally {
    await iterator.close()
  }
}
