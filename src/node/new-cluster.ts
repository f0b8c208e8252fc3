/**
 * The data directories of a new cluster that goes on from a replicated state: that of a backup, or of one server of a cluster that is
 * lost. Each founder begins with the state in a snapshot, as if it had installed it, and without a vote.
 */
import { existsSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { replicatedLimits } from '../../machines/limits.ts'
import type { FoundingPlan, Member } from '../../machines/members.ts'
import { messageOf } from '../core/message-of.ts'
import { StartError } from '../core/start-error.ts'
import type { Replica } from '../services/replica.ts'
import { LogStorage } from '../storage/log-storage.ts'
import { makePrivateDirectory, syncDirectory } from '../storage/permissions.ts'
import type { Identity } from '../storage/storage.ts'
import type { FoundedFrom } from './founded-from.ts'
import { DataDirectory } from './home.ts'
import { foundedIdentity, newIncarnation } from './identity.ts'
import type { ServerAddress } from './server-address.ts'

/** The bytes of a slice of the state. */
const sliceBytes = 1_048_576

export interface NewCluster {
  /** The founders; each is counted from the beginning. */
  readonly members: readonly ServerAddress[]
  /** The path of the data directory of a founder, in which nothing may be stored. */
  readonly directoryOf: (id: number) => string
}

/**
 * Founds a cluster whose servers go on from the state of `replica`, which it changes. Every name is new: no server and no message of the
 * cluster from which the state comes counts in it. All directories appear, each whole, or none. Throws a `StartError` when something is
 * stored in one of them, one cannot be made, or nothing was chosen yet, and a `StorageError` when one cannot be written.
 */
export async function foundFrom(
  replica: Replica,
  { members, directoryOf }: NewCluster,
): Promise<FoundedFrom> {
  if (members.length > replicatedLimits.members) {
    throw new StartError(`${members.length} servers: a cluster has at most ${replicatedLimits.members}`)
  }
  for (const { id } of members) requireFree(directoryOf(id))
  const instance = replica.firstUnexecuted
  if (instance === 0)
    throw new StartError('nothing was chosen yet: found a new cluster with --bootstrap instead')
  const founders = members
    .map(({ id }) => ({ id, incarnation: newIncarnation() }))
    .sort((a, b) => a.id - b.id)
  const plan: FoundingPlan = {
    members: [...members].sort((a, b) => a.id - b.id),
    cluster: null,
    service: replica.serviceName,
  }
  const identities = founders.map(({ id, incarnation }) =>
    foundedIdentity({ ...plan, node: id, incarnation, founders, isFounded: true }),
  )
  const [first] = identities
  if (first === undefined) throw new StartError('a cluster has at least one server: name one')
  replica.beginAnew(first.members as readonly Member[])
  const made: MadeDirectory[] = []
  try {
    for (const identity of identities) {
      const directory = directoryOf(identity.node)
      made.push(new MadeDirectory(directory))
      await made.at(-1)?.fill(identity, replica)
    }
    for (const directory of made) directory.place()
  } catch (error) {
    for (const directory of made) directory.remove()
    throw error
  }
  return { cluster: first.cluster, instance }
}

/** Throws a `StartError` when something is stored in the directory. */
export function requireFree(directory: string): void {
  if (!existsSync(directory)) return
  const names = entriesOf(directory)
  if (names.length === 0) return
  throw new StartError(
    `${directory} is not empty (it holds ${names[0]}): give a directory that is empty or missing`,
  )
}

function entriesOf(directory: string): readonly string[] {
  try {
    return readdirSync(directory)
  } catch (error) {
    throw new StartError(`${directory} cannot be read: ${messageOf(error)}`)
  }
}

/** A data directory under a temporary name, until all of them are complete. */
class MadeDirectory {
  readonly #path: string
  readonly #parent: string
  readonly #temporary: string
  #isPlaced = false

  constructor(path: string) {
    this.#path = resolve(path)
    this.#parent = dirname(this.#path)
    this.#temporary = join(this.#parent, `.${basename(this.#path)}.${process.pid}.new`)
    this.#attempt(() => {
      rmSync(this.#temporary, { recursive: true, force: true })
      makePrivateDirectory(this.#temporary)
    })
  }

  async fill(identity: Identity, replica: Replica): Promise<void> {
    // It may vote: its log is complete before the directory takes its name.
    new DataDirectory(this.#temporary).write({ kind: 'member', identity, service: replica.serviceName })
    await store(this.#temporary, identity, replica)
  }

  place(): void {
    this.#attempt(() => {
      renameSync(this.#temporary, this.#path)
      this.#isPlaced = true
      syncDirectory(this.#parent)
    })
  }

  remove(): void {
    rmSync(this.#isPlaced ? this.#path : this.#temporary, { recursive: true, force: true })
  }

  #attempt(work: () => void): void {
    try {
      work()
    } catch (error) {
      throw new StartError(`the directory ${this.#path} cannot be made: ${messageOf(error)}`)
    }
  }
}

async function store(directory: string, identity: Identity, replica: Replica): Promise<void> {
  const storage = new LogStorage(directory)
  await storage.open()
  try {
    await storage.initialise(identity)
    const draft = storage.draft()
    const capture = replica.capture()
    try {
      for (let slice = capture.next(sliceBytes); slice !== null; slice = capture.next(sliceBytes)) {
        await draft.append(slice)
      }
    } finally {
      capture.end()
    }
    const { instance } = capture
    const snapshot = { instance, ...(await draft.seal()) }
    await storage.persist({ by: 'snapshot', snapshot, floor: instance })
  } finally {
    await storage.close()
  }
}
