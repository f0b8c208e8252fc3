/** A new cluster from the directory of a survivor. */
import { renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Address } from '../../machines/batch.ts'
import { messageOf } from '../core/message-of.ts'
import { StartError } from '../core/start-error.ts'
import type { Service } from '../services/service.ts'
import { markerName } from '../storage/marker.ts'
import type { Identity } from '../storage/storage.ts'
import type { RecoveredCluster } from './founded-from.ts'
import { DataDirectory, type Standing } from './home.ts'
import { foundFrom } from './new-cluster.ts'
import { type Survivor, survivorOf } from './survivor.ts'

/** A server that may have voted. */
type Decided = Extract<Standing, { readonly kind: 'member' | 'condemned' }>

/** The directory of a survivor, locked and read. */
export class Recovery {
  readonly identity: Identity
  readonly survivor: Survivor
  /** Why the directory is a copy; `null` when it is the original one. */
  readonly notOriginal: string | null
  /** Why its server sends nothing or has halted for ever, if so: others said that the directory is a copy, or was put back. */
  readonly condemned: string | null
  readonly #path: string
  readonly #release: () => Promise<void>

  private constructor(
    directory: DataDirectory,
    standing: Decided,
    survivor: Survivor,
    release: () => Promise<void>,
  ) {
    this.identity = standing.identity
    this.survivor = survivor
    this.condemned = standing.kind === 'condemned' ? standing.reason : (standing.withdrawn ?? null)
    this.notOriginal = directory.notOriginal
    this.#path = directory.path
    this.#release = release
  }

  /** `serviceOf` returns the service with a name; the name is `undefined` in a directory that an earlier version wrote. */
  static async open(path: string, serviceOf: (name: string | undefined) => Service): Promise<Recovery> {
    const directory = new DataDirectory(path)
    const release = await directory.lock()
    try {
      const standing = directory.read()
      if (standing?.kind !== 'member' && standing?.kind !== 'condemned') {
        throw new StartError(`the server of ${path} has not voted yet, so there is nothing to recover`)
      }
      const { identity, service: name } = standing
      const service = serviceOf(name)
      if (name !== undefined && name !== service.name) {
        throw new StartError(`${path} is of a cluster that runs the service ${name}, not ${service.name}`)
      }
      return new Recovery(directory, standing, await survivorOf(directory, identity, service), release)
    } catch (error) {
      await release()
      throw error
    }
  }

  /** The address of the server in the old cluster; `null` when it was removed there. */
  get address(): Address | null {
    const own = this.survivor.replica.members.find(({ id }) => id === this.identity.node)
    return own?.address ?? null
  }

  /** Founds the new cluster, at `given` or the old address. May be called once. */
  async found(given: Address | null): Promise<RecoveredCluster> {
    const { node: id } = this.identity
    const address = given ?? this.address
    if (address === null) {
      throw new StartError(
        `server ${id} is no member of its cluster any more: give the address that it will have`,
      )
    }
    const kept = `${this.#path.replace(/\/+$/, '')}.lost-${new Date().toISOString().replaceAll(/[:.]/g, '-')}`
    try {
      renameSync(this.#path, kept)
    } catch (error) {
      throw new StartError(`${this.#path} cannot be renamed to ${kept}: ${messageOf(error)}`)
    }
    const plan = { members: [{ id, address }], directoryOf: () => this.#path }
    const founded = await foundFrom(this.survivor.replica, plan).catch((error: unknown) => {
      renameSync(kept, this.#path)
      throw error
    })
    // Without it no server starts: another old directory, and this one, could be a majority of the old cluster.
    rmSync(join(kept, markerName), { force: true })
    return { ...founded, kept }
  }

  /** Unlocks the directory. */
  close(): Promise<void> {
    return this.#release()
  }
}
