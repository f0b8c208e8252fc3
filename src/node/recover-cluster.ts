import type { Address } from '../../machines/batch.ts'
import { reachableAddress } from '../network/address.ts'
import type { Service } from '../services/service.ts'
import type { RecoveredCluster } from './founded-from.ts'
import { Recovery } from './recovery.ts'

export interface RecoverOptions {
  /** The data directory of the survivor, whose server must be stopped. */
  readonly dataDir: string
  /** The service that the cluster ran. */
  readonly service: Service
  /** The address of the server in the new cluster; by default that in the old one. */
  readonly address?: Address
}

/**
 * Makes the directory of a survivor that of the only founder of a new cluster, when the majority of its cluster is lost for ever. The
 * new cluster has everything that the survivor knew to be chosen, and what it had accepted; other servers join it with `join` and empty
 * directories. Everything else that the old cluster answered is lost, so no server of it may run any more. `paxos recover` does the same,
 * and also checks that. Throws a `StartError` or a `StorageError` when the directory is in use, damaged, or of another service.
 */
export async function recoverCluster({
  dataDir,
  service,
  address,
}: RecoverOptions): Promise<RecoveredCluster> {
  const recovery = await Recovery.open(dataDir, () => service)
  try {
    return await recovery.found(address === undefined ? null : reachableAddress(address))
  } finally {
    await recovery.close()
  }
}
