/** A new cluster from a backup, as `paxos restore` and programs with a service of their own make it. */
import type { NodeId } from '../../machines/batch.ts'
import { messageOf } from '../core/message-of.ts'
import { StartError } from '../core/start-error.ts'
import { reachableAddress } from '../network/address.ts'
import type { Service } from '../services/service.ts'
import { BackupReader } from '../storage/backup-file.ts'
import type { FoundedFrom } from './founded-from.ts'
import { foundFrom } from './new-cluster.ts'
import { repeatedIn } from './options.ts'
import { stateIn } from './restored-state.ts'
import type { ServerAddress } from './server-address.ts'

export interface RestoreOptions {
  /** The file that `paxos backup` wrote. */
  readonly file: string
  /** The service that the cluster ran. */
  readonly service: Service
  /** The servers of the new cluster. */
  readonly members: readonly ServerAddress[]
  /** Returns the path of the data directory of a server, which is empty or missing. */
  readonly dataDirOf: (id: NodeId) => string
}

/**
 * Makes the data directories of a new cluster from a backup. It goes on with the sessions, and with what the service kept; everything that the old
 * cluster answered after the backup is lost, so no server of it may run any more. `startNode` starts each server with its directory. A
 * directory that was moved to another machine starts there with `moved`. `paxos restore` does the same for the services of this package.
 * Throws a `BackupError` when the file is damaged or none, a `StartError` when it is of another service or a directory is not empty, and a
 * `StorageError` when a directory cannot be written.
 */
export async function restoreBackup({
  file,
  service,
  members,
  dataDirOf,
}: RestoreOptions): Promise<FoundedFrom> {
  const canonical = members.map(({ id, address }) => ({ id, address: canonicalOf(id, address) }))
  const repeated = repeatedIn(canonical)
  if (repeated !== null) throw new StartError(`the option members: ${repeated}`)
  const replica = stateIn(new BackupReader(file), service)
  return foundFrom(replica, { members: canonical, directoryOf: dataDirOf })
}

function canonicalOf(id: NodeId, address: string): string {
  try {
    return reachableAddress(address)
  } catch (error) {
    throw new StartError(`the option members: the address of server ${id}: ${messageOf(error)}`)
  }
}
