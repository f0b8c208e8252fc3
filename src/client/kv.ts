import type { Json } from '../../machines/batch.ts'
import type { KvCommand, KvEntry, KvLife, KvResults, KvTarget } from '../services/kv/commands.ts'
import type { ExecutedRequest } from './executed-request.ts'
import { resultWith } from './result-with.ts'

/** An option of every call: `signal` aborts it, as `Client.request` describes. */
export interface KvOptions {
  readonly signal?: AbortSignal
}

type Undo = (executed: ExecutedRequest) => Promise<void>

/** Has the key-value store execute a command. */
export type KvSend = (command: KvCommand, options: KvOptions, undo: Undo | null) => Promise<ExecutedRequest>

/**
 * The calls of the key-value store: `client.kv`. Each rejects as `Client.request` does; RequestFailed gives the store's reason, for
 * example a key that is too long. Each rejects with WrongService when the cluster does not run the service `kv`.
 */
export class Kv {
  readonly #send: KvSend

  /** Made by the client. */
  constructor(send: KvSend) {
    this.#send = send
  }

  /** The entry of `key`; `null` when it has no value. */
  async get(key: string, options: KvOptions = {}): Promise<KvEntry | null> {
    return (await this.#result({ action: 'get', key }, options, 'entry')).entry
  }

  /**
   * Sets the value of `key`, any JSON but `null`, and returns the new version. With `ttlMs`, in milliseconds, the key is deleted after that
   * time. With `session`, it is deleted when the session of this client ends: the client keeps that alive only while it also holds a lock or
   * waits, with the same ttl, so put the key again in time.
   */
  async put(key: string, value: Json, { signal, ...life }: KvLife & KvOptions = {}): Promise<number> {
    return (await this.#result({ action: 'put', key, value, ...life }, given(signal), 'version')).version
  }

  /** Deletes `key`; with `version`, only when its entry has that version. Returns whether it was deleted. */
  async delete(
    key: string,
    { signal, ...expected }: { readonly version?: number } & KvOptions = {},
  ): Promise<boolean> {
    return (await this.#result({ action: 'delete', key, ...expected }, given(signal), 'deleted')).deleted
  }

  /** Sets the value of `key` when its entry has the version `version`; 0 expects that there is none. */
  async compareAndSet(
    key: string,
    version: number,
    value: Json,
    { signal, ...life }: KvLife & KvOptions = {},
  ): Promise<KvResults['compareAndSet']> {
    return this.#result({ action: 'compareAndSet', key, version, value, ...life }, given(signal), 'set')
  }

  /**
   * The entries whose keys begin with `prefix`, in order of key: at most `limit`, and fewer when they would not fit into one answer. `next` is
   * the `after` of the next call, or `null` at the end. `version` is the `after` of a watch that misses nothing.
   */
  async list(
    prefix = '',
    { signal, ...range }: { readonly limit?: number; readonly after?: string } & KvOptions = {},
  ): Promise<KvResults['list']> {
    return this.#result({ action: 'list', prefix, ...range }, given(signal), 'entries')
  }

  /**
   * Removes the entry of `key` and returns it; waits while there is none. Callers at all servers are served in the order of their arrival.
   * When the call is aborted after the entry was taken, the client puts it back, unless the key has a new value.
   */
  async take(key: string, options: KvOptions = {}): Promise<KvEntry> {
    const undo = async ({ result }: ExecutedRequest) => {
      const { entry } = result as KvResults['take']
      const { set } = await this.compareAndSet(key, 0, entry.value)
      if (!set) throw new Error('the key has a new value')
    }
    return (await this.#result({ action: 'take', key }, options, 'entry', undo)).entry
  }

  /**
   * Waits for a change of the key or of a key with the prefix above the version `after`, and returns the changed keys as they are now.
   * Without `after`, waits for the next change. Call it again with the returned `version`. With `missed`, list the keys first.
   */
  async watch({
    signal,
    ...target
  }: KvTarget & { readonly after?: number } & KvOptions): Promise<KvResults['watch']> {
    return this.#result({ action: 'watch', ...target }, given(signal), 'changes')
  }

  /** Resolves to the result, which has the field `field` when the cluster runs this store. */
  async #result<Action extends KvCommand['action']>(
    command: Extract<KvCommand, { readonly action: Action }>,
    options: KvOptions,
    field: keyof KvResults[Action] & string,
    undo: Undo | null = null,
  ): Promise<KvResults[Action]> {
    const { result } = await this.#send(command, options, undo)
    return resultWith<KvResults[Action]>(result, field)
  }
}

function given(signal: AbortSignal | undefined): KvOptions {
  return signal === undefined ? {} : { signal }
}
