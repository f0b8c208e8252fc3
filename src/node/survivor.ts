/** The replicated state in the directory of a server that survived the loss of its cluster. */
import type { Instance, NodeId } from '../../machines/batch.ts'
import { auditRules } from '../core/audit.ts'
import type { NodeCore } from '../core/node-core.ts'
import { StartError } from '../core/start-error.ts'
import { Replica } from '../services/replica.ts'
import type { Service } from '../services/service.ts'
import { LogStorage } from '../storage/log-storage.ts'
import { type Identity, StorageError } from '../storage/storage.ts'
import type { DataDirectory } from './home.ts'
import { lostLog, whyForeign } from './open-store.ts'
import { executeChosen, installStored } from './recover.ts'

/** The bytes of chosen batches that are read at once. */
const pageBytes = 1_000_000

/** What a survivor knows. */
export interface Survivor {
  /** Contains everything that it knew to be chosen, and then what it had only accepted, as far as there is no gap. */
  readonly replica: Replica
  /** It knew everything below to be chosen. */
  readonly firstUnchosen: Instance
  /** The instances at which it had accepted a batch above a gap. The batches are of no use. */
  readonly aboveGap: readonly Instance[]
}

/**
 * Reads the state that the server `identity` stored in `directory`, which the caller has locked. It opens the store as a start does, and
 * changes nothing else. Throws a `StorageError` when the store is damaged, and a `StartError` when it is not that of `identity`.
 *
 * A batch that the server accepted may have been chosen, and its requests answered: so it is executed. Where it was not chosen, its
 * requests were open, and now they are executed.
 */
export async function survivorOf(
  directory: DataDirectory,
  identity: Identity,
  service: Service,
): Promise<Survivor> {
  const storage = new LogStorage(directory.path)
  const replica = new Replica({ service, members: identity.members })
  const durable = await storage.open((stored) => {
    const refusal = whyForeign(stored, identity)
    if (refusal !== null) throw new StartError(`${directory.path} ${refusal}`)
  })
  try {
    if (durable.identity === null) {
      const damage = lostLog()
      throw new StorageError(directory.path, damage.message, damage)
    }
    const node = replaying(replica, identity.node)
    await installStored(storage, node, durable)
    await executeChosen(storage, node, durable, { pageBytes, executed: () => undefined })
    const aboveGap: Instance[] = []
    for (const { instance, batch } of durable.accepted) {
      if (instance === replica.firstUnexecuted) node.recover([batch])
      else aboveGap.push(instance)
    }
    return { replica, firstUnchosen: durable.firstUnchosen, aboveGap }
  } finally {
    await storage.close()
  }
}

/** The part of a node that executes stored batches again. */
function replaying(
  replica: Replica,
  node: NodeId,
): Pick<NodeCore, 'installation' | 'recover' | 'firstUnexecuted'> {
  return {
    installation: () => replica.installation(),
    get firstUnexecuted() {
      return replica.firstUnexecuted
    },
    recover: (batches) =>
      batches.map((batch) => {
        const instance = replica.firstUnexecuted
        const execution = replica.execute(instance, batch)
        replica.runningDigest = auditRules.folded(replica.runningDigest, execution).digest
        return { type: 'executed', node, instance, batch, execution, digest: null }
      }),
  }
}
