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

/** How soon the learner is given its target again after it has given that up, in milliseconds. */
const noticeAgainMs = 500
/** How long a server that joins waits for what it is to learn, without anything new, before it asks to be admitted, or asks again. */
const progressMs = 5_000

/** The server that asks to be admitted. */
export interface AdmissionOptions {
  readonly identity: Identity
  readonly address: Address
  readonly runtime: Runtime
  readonly port: ServerPort
  readonly resolver: Resolver | undefined
  /** What errors call the options. */
  readonly words: OptionWords
  readonly logger: Logger
}

/**
 * Catches up from the server at `seed`, or another that invited this one, and then asks to be counted, unless it is counted already.
 * `invited` is what it was told before it had a directory. Throws a `StartError` when the cluster refuses, or is another one.
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
    // What only the server that was asked knew to be chosen may be gone with it: then the admission has it found.
    await this.#catchUp(welcome.instance, informant)
    const client = connect({ servers: [this.#seed, ...welcome.members.map((member) => member.address)] })
    try {
      const admission = { action: 'admit', id, address, incarnation } as const
      const { instance } = await client.changeMembers(admission)
      // Every server that knew of the admission may have lost that in a crash: the acceptors still hold it, and a further request has
      // it found. To be admitted again changes nothing.
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
    return joining.invitation((...said) => port.transport.send(...said))
  }

  /** Until everything below `firstUnchosen` is executed; `false` when nothing was executed for `progressMs` before that. */
  async #catchUp(firstUnchosen: Instance, informant: Invited['informant']): Promise<boolean> {
    const { runtime, port } = this.#options
    const { id, incarnation, address } = informant
    port.transport.recordPlace(id, address, incarnation)
    const progress = new Progress(runtime, firstUnchosen, () =>
      runtime.dispatch('learner', {
        type: 'behind.noticed',
        firstUnchosen,
        informant: { id, incarnation },
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

/** Follows the learner until it has executed everything below an instance, and gives it that target when it has none. */
class Progress {
  /** `false` when nothing was executed for `progressMs`. */
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
    // It gives up a target that nobody shows it: this one is known to be there.
    if (this.#runtime.snapshot('learner')?.value === 'following') this.#noticeSoon()
  }

  #noticeSoon(): void {
    this.#again ??= setTimeout(() => {
      this.#again = null
      this.#notice()
    }, noticeAgainMs)
  }
}
