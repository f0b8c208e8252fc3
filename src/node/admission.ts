import type { Address, Instance } from '../../machines/batch.ts'
import type { Welcome } from '../../machines/messages.ts'
import { connect } from '../client/index.ts'
import { StartError } from '../core/start-error.ts'
import type { Resolver } from '../network/resolver.ts'
import type { Identity } from '../storage/storage.ts'
import { joinPatienceMs } from './begin.ts'
import { greet } from './greet.ts'
import { type Invited, Joining, refusalIn } from './joining.ts'
import type { Logger } from './logger.ts'
import type { OptionWords } from './option-words.ts'
import type { Runtime } from './runtime.ts'
import type { ServerPort } from './server-port.ts'

/** The delay before the learner receives its target again after it gave up the target, in milliseconds. */
const noticeAgainMs = 500
/**
 * How long a joining server waits without progress while it catches up, before it asks for its admission, or asks again, in
 * milliseconds.
 */
const progressMs = 5_000

/** The server that asks for its admission. */
export interface AdmissionOptions {
  readonly identity: Identity
  readonly address: Address
  readonly runtime: Runtime
  readonly port: ServerPort
  readonly resolver: Resolver | undefined
  /** The names of the options in error messages. */
  readonly words: OptionWords
  readonly logger: Logger
}

/**
 * Catches up from the server at `seed`, or from another server that sent an invitation, and then asks the cluster to count this
 * server. Returns at once if the server is counted already. `invited` is the invitation that it received before it had a
 * directory. Throws a `StartError` when the cluster refuses, or when the seed belongs to another cluster.
 */
export async function beAdmitted(
  seed: Address,
  invited: Invited | null,
  options: AdmissionOptions,
): Promise<void> {
  const { identity, runtime, logger } = options
  if (runtime.isMember(identity.node, identity.incarnation)) return
  await new Admission(seed, options).run(invited)
  logger.info({ seed }, 'joined')
}

class Admission {
  readonly #seed: Address
  readonly #options: AdmissionOptions

  constructor(seed: Address, options: AdmissionOptions) {
    this.#seed = seed
    this.#options = options
  }

  async run(invited: Invited | null): Promise<void> {
    const { identity, address, resolver, words } = this.#options
    const { node: id, incarnation, cluster } = identity
    const welcome = await greet(this.#seed, { patienceMs: joinPatienceMs, resolver, words })
    if (welcome.cluster !== cluster) {
      throw this.#error(
        `leads to the cluster ${welcome.cluster}, and server ${id} has a directory of the cluster ${cluster}`,
      )
    }
    const { informant } = invited ?? (await this.#askToJoin(welcome))
    // A batch that only the informant knew to be chosen may be lost with it. The admission request makes the cluster find that
    // batch again.
    await this.#catchUp(welcome.instance, informant)
    const client = connect({ servers: [this.#seed, ...welcome.members.map((member) => member.address)] })
    try {
      const admission = { action: 'admit', id, address, incarnation } as const
      const { instance } = await client.changeMembers(admission)
      // Every server that knew the admission may have lost it in a crash. The acceptors still hold it, and another request makes
      // the cluster find it. A second admission changes nothing.
      while (!(await this.#catchUp(instance + 1, informant))) {
        await client.changeMembers(admission)
      }
    } catch (error) {
      throw new StartError(`${words.names.join} ${this.#seed}: ${refusalIn(error)}`)
    } finally {
      await client.close()
    }
  }

  #askToJoin(welcome: Welcome): Promise<Invited> {
    const { identity, address, port, resolver, words } = this.#options
    const joiner = { id: identity.node, address, incarnation: identity.incarnation }
    const joining = new Joining(this.#seed, welcome, joiner, { patienceMs: joinPatienceMs, resolver, words })
    port.joining = joining
    return joining.invitation((...sent) => port.transport.send(...sent))
  }

  /** Waits until everything below `firstUnchosen` is executed. Returns `false` when `progressMs` pass without an execution. */
  async #catchUp(firstUnchosen: Instance, informant: Invited['informant']): Promise<boolean> {
    const { runtime, port } = this.#options
    const { id, incarnation, address } = informant
    port.transport.recordPlace(id, address, incarnation)
    const progress = new Progress(runtime, firstUnchosen, () =>
      runtime.dispatch('learner', {
        type: 'behind.noticed',
        firstUnchosen,
        informant: { id, incarnation },
        atMs: null,
      }),
    )
    const ended = runtime.ended.then((reason) => {
      throw new StartError(`it ended before it had caught up: ${reason ?? 'stopped'}`)
    })
    try {
      return await Promise.race([progress.isThere, ended])
    } finally {
      progress.close()
    }
  }

  #error(text: string): StartError {
    return new StartError(`${this.#options.words.names.join} ${this.#seed} ${text}`)
  }
}

/** Watches the learner until it has executed everything below an instance, and gives it that target again when it has none. */
class Progress {
  /** `false` when `progressMs` pass without an execution. */
  readonly isThere: Promise<boolean>
  readonly #runtime: Runtime
  readonly #firstUnchosen: Instance
  readonly #notice: () => void
  readonly #watching: { unsubscribe(): void }
  readonly #patience: NodeJS.Timeout
  #again: NodeJS.Timeout | null = null
  #known: Instance
  #resolve: (isThere: boolean) => void = () => undefined

  constructor(runtime: Runtime, firstUnchosen: Instance, notice: () => void) {
    this.#runtime = runtime
    this.#firstUnchosen = firstUnchosen
    this.#notice = notice
    this.#known = runtime.firstUnexecuted
    this.isThere = new Promise((resolve) => (this.#resolve = resolve))
    this.#patience = setTimeout(() => this.#resolve(false), progressMs)
    notice()
    this.#watching = runtime.watch('learner', () => this.#look())
    this.#look()
  }

  close(): void {
    this.#watching.unsubscribe()
    clearTimeout(this.#patience)
    if (this.#again !== null) clearTimeout(this.#again)
  }

  #look(): void {
    const { firstUnexecuted } = this.#runtime
    if (firstUnexecuted >= this.#firstUnchosen) this.#resolve(true)
    if (firstUnexecuted > this.#known) {
      this.#known = firstUnexecuted
      this.#patience.refresh()
    }
    // The learner gives up a target that no message confirms. This target is known to exist.
    if (this.#runtime.snapshot('learner')?.value === 'following') this.#noticeSoon()
  }

  #noticeSoon(): void {
    this.#again ??= setTimeout(() => {
      this.#again = null
      this.#notice()
    }, noticeAgainMs)
  }
}
