import type { Command, Json } from '../../machines/batch.ts'
import type { KvCommand, KvEntry, KvLife, KvResults, KvTarget } from '../services/kv/commands.ts'
import { asJson } from './body.ts'
import type { ExecutedRequest } from './executed-request.ts'
import type { ReadOptions, Reads } from './reads.ts'
import type { Requests, Undo } from './requests.ts'
import { resultWith } from './result-with.ts'
import { SessionKeys } from './session-keys.ts'

/** An option of every call: `signal` aborts it, as `Client.request` describes. */
export interface KvOptions {
  readonly signal?: AbortSignal
}

/** The options of a call that only reads: with `stale`, one server answers from its own state, as `Client.read` describes. */
export type KvReadOptions = KvOptions & { readonly stale?: boolean }

/** The service of these calls. */
const service = 'kv'

/** A command that may change its key. */
type Changing = 'put' | 'delete' | 'compareAndSet' | 'take'

type CommandTo<Action extends KvCommand['action']> = Extract<KvCommand, { readonly action: Action }>

interface ChangeOptions<Result> {
  readonly signal: AbortSignal | undefined
  /** Whether the command with this result changed the key, or found that it has no value. By default it did. */
  readonly isChange?: (result: Result) => boolean
  readonly undo?: Undo
}

/**
 * The calls of the key-value store: `client.kv`. Each rejects as `Client.request` does, and `get` and `list` as `Client.read`;
 * RequestFailed and ReadFailed give the store's reason, for example a key that is too long. Each rejects with WrongService when the cluster does not run the service `kv`.
 */
export class Kv {
  readonly #requests: Requests
  readonly #reads: Reads
  readonly #sessionKeys = new SessionKeys()

  /** Made by the client. */
  constructor(requests: Requests, reads: Reads) {
    this.#requests = requests
    this.#reads = reads
  }

  /** The entry of `key`; `null` when it has no value. A read, as `Client.read` describes. */
  async get(key: string, options: KvReadOptions = {}): Promise<KvEntry | null> {
    return (await this.#read({ action: 'get', key }, options, 'entry')).entry
  }

  /**
   * Sets the value of `key`, any JSON but `null`, and returns the new version. With `ttlMs`, in milliseconds, the key is deleted after that
   * time. With `session`, it lives with the session of this client, which the client keeps alive until it deletes, takes or replaces the key,
   * or is closed. When the program ends, the key is deleted after the ttl of the session at the latest; `signalOf` gives a signal for
   * an earlier loss.
   */
  async put(key: string, value: Json, { signal, ...life }: KvLife & KvOptions = {}): Promise<number> {
    return (await this.#change({ action: 'put', key, value, ...life }, { signal }, 'version')).version
  }

  /**
   * The signal of a key that this client put with `session`. Aborts with KeyLost when the session is lost, or can no longer be proved: before
   * the cluster deletes the key. With ClientClosed when the client is closed. It stays the same when the client puts the key again with
   * `session`, unless it has aborted. It does not abort when another client deletes or replaces the key, for which there is `watch`. Throws
   * InvalidArgument when this client has no such key.
   */
  signalOf(key: string): AbortSignal {
    return this.#sessionKeys.signalOf(key)
  }

  /** Deletes `key`; with `version`, only when its entry has that version. Returns whether it was deleted. */
  async delete(
    key: string,
    { signal, ...expected }: { readonly version?: number } & KvOptions = {},
  ): Promise<boolean> {
    const isChange = ({ deleted }: KvResults['delete']) => deleted || expected.version === undefined
    const command = { action: 'delete', key, ...expected } as const
    return (await this.#change(command, { signal, isChange }, 'deleted')).deleted
  }

  /** Sets the value of `key` when its entry has the version `version`; 0 expects that there is none. */
  async compareAndSet(
    key: string,
    version: number,
    value: Json,
    { signal, ...life }: KvLife & KvOptions = {},
  ): Promise<KvResults['compareAndSet']> {
    const isChange = ({ set }: KvResults['compareAndSet']) => set
    const command = { action: 'compareAndSet', key, version, value, ...life } as const
    return this.#change(command, { signal, isChange }, 'set')
  }

  /**
   * The entries whose keys begin with `prefix`, in order of key: at most `limit`, and fewer when they would not fit into one answer. `next` is
   * the `after` of the next call, or `null` at the end. `version` is the `after` of a watch that misses nothing. A read,
   * as `Client.read` describes.
   */
  async list(
    prefix = '',
    { signal, stale, ...range }: { readonly limit?: number; readonly after?: string } & KvReadOptions = {},
  ): Promise<KvResults['list']> {
    return this.#read({ action: 'list', prefix, ...range }, { signal, stale }, 'entries')
  }

  /**
   * Removes the entry of `key` and returns it; waits while there is none. Callers at all servers are served in the order of their arrival.
   * When the call is aborted after the entry was taken, the client puts it back, unless the key has a new value.
   */
  async take(key: string, { signal }: KvOptions = {}): Promise<KvEntry> {
    const undo = async ({ result }: ExecutedRequest) => {
      const { entry } = result as KvResults['take']
      const { set } = await this.compareAndSet(key, 0, entry.value)
      if (!set) throw new Error('the key has a new value')
    }
    return (await this.#change({ action: 'take', key }, { signal, undo }, 'entry')).entry
  }

  /**
   * Waits for a change of the key or of a key with the prefix above the version `after`, and returns the changed keys as they are now.
   * Without `after`, waits for the next change. Call it again with the returned `version`. With `missed`, list the keys first.
   */
  async watch({
    signal,
    ...target
  }: KvTarget & { readonly after?: number } & KvOptions): Promise<KvResults['watch']> {
    return this.#result({ action: 'watch', ...target }, signal, 'changes')
  }

  /**
   * The client is closed: it ends its sessions after this.
   * @internal
   */
  close(reason: unknown): void {
    this.#sessionKeys.close(reason)
  }

  /** As `#result`, for a command that changes its key when `isChange` holds for its result. */
  #change<Action extends Changing>(
    command: CommandTo<Action>,
    { signal, isChange, undo }: ChangeOptions<KvResults[Action]>,
    field: keyof KvResults[Action] & string,
  ): Promise<KvResults[Action]> {
    const { key, session, ttlMs }: { readonly key: string } & KvLife = command
    return this.#sessionKeys.during(key, async (changed) => {
      const call = [asCommand(command), { signal, ...(undo !== undefined && { undo }), service }] as const
      const held = session === true ? await this.#requests.executeHeld(...call) : null
      try {
        const executed = held?.executed ?? (await this.#requests.execute(...call))
        const result = resultWith<KvResults[Action]>(executed.result, field)
        if (isChange?.(result) === false) held?.release()
        else changed({ position: executed, held, ttlMs })
        return result
      } catch (error) {
        held?.release()
        throw error
      }
    })
  }

  /** As `#result`, for a command that only reads. */
  async #read<Action extends 'get' | 'list'>(
    command: CommandTo<Action>,
    options: ReadOptions,
    field: keyof KvResults[Action] & string,
  ): Promise<KvResults[Action]> {
    const { result } = await this.#reads.read(asJson(command), { ...options, service })
    return resultWith<KvResults[Action]>(result, field)
  }

  /** Resolves to the result, which has the field `field` when the cluster runs this store. */
  async #result<Action extends KvCommand['action']>(
    command: CommandTo<Action>,
    signal: AbortSignal | undefined,
    field: keyof KvResults[Action] & string,
  ): Promise<KvResults[Action]> {
    const { result } = await this.#requests.execute(asCommand(command), { signal, service })
    return resultWith<KvResults[Action]>(result, field)
  }
}

function asCommand(command: KvCommand): Command {
  return { kind: 'service', body: asJson(command) }
}
