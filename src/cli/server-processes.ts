import type { Address, NodeId } from '../../machines/batch.ts'
import { type ControlResult, done, failed, type ProcessCommand } from '../inspect/records/control.ts'
import { type PlannedServer, startAgain } from './cluster-plan.ts'
import { print } from './output.ts'
import { ServerProcess } from './server-process.ts'

/** The time that the other servers have to start or fail after one could not start, in milliseconds. */
const startPatienceMs = 1_000

interface Running {
  readonly server: PlannedServer
  process: ServerProcess
  state: 'up' | 'paused' | 'ended'
  /** True when `crash` killed it: it may be started again. */
  isCrashed: boolean
}

/** The servers of `paxos cluster`, each in its own process. */
export class ServerProcesses {
  readonly #servers = new Map<NodeId, Running>()
  readonly #args: readonly string[]
  readonly #paxos: string
  #isStopping = false
  #end: () => void = () => undefined
  /** Resolves when all servers have ended and none of them may be started again. */
  readonly ended = new Promise<void>((resolve) => {
    this.#end = resolve
  })

  /**
   * Starts the servers. Each receives its own arguments and `args`, and `first` at this start only. `paxos` is the command as the
   * user types it.
   */
  constructor(
    servers: readonly PlannedServer[],
    {
      args,
      first,
      paxos,
    }: { readonly args: readonly string[]; readonly first: readonly string[]; readonly paxos: string },
  ) {
    this.#args = args
    this.#paxos = paxos
    for (const server of servers) {
      const process = new ServerProcess([...server.args, ...args, ...first])
      this.#servers.set(server.id, { server, process, state: 'up', isCrashed: false })
      this.#watch(server.id, process)
    }
  }

  /**
   * Waits until each server serves. Returns, in the given order, `false` for each server that could not start. Founders wait for
   * each other, so soon after one could not start, this no longer waits for the others.
   */
  async ready(): Promise<boolean[]> {
    const isReady = [...this.#servers.values()].map(() => true)
    let patience: NodeJS.Timeout | undefined
    let giveUp: () => void = () => undefined
    const failed = new Promise<void>((resolve) => {
      giveUp = resolve
    })
    const all = [...this.#servers.values()].map(async (running, place) => {
      isReady[place] = await this.#printReady(running)
      if (!isReady[place]) patience ??= setTimeout(giveUp, startPatienceMs)
    })
    await Promise.race([Promise.all(all), failed])
    clearTimeout(patience)
    return isReady
  }

  /** Asks all servers to stop normally; see `ended`. */
  stop(): void {
    this.#isStopping = true
    for (const { process } of this.#servers.values()) process.stop()
    this.#lookForEnd()
  }

  get isStopping(): boolean {
    return this.#isStopping
  }

  /** Kills all servers. */
  kill(): void {
    for (const { process } of this.#servers.values()) process.kill()
  }

  /** Pauses, resumes, kills or restarts one server. */
  async control({ type: action, node }: ProcessCommand): Promise<ControlResult> {
    const running = this.#servers.get(node)
    if (running === undefined) return failed(`server ${node} was not started by this command`)
    if (this.#isStopping) return failed('the cluster is being stopped')
    const name = `server ${node} (pid ${running.process.pid})`
    const { state, process } = running
    if (action === 'restart') return this.#restart(running)
    if (state === 'ended') return failed(`server ${node} does not run: restart it first`)
    switch (action) {
      case 'pause':
        if (state === 'paused') return failed(`${name} is paused already`)
        process.pause()
        running.state = 'paused'
        return done(`${name} is paused`)
      case 'resume':
        if (state === 'up') return failed(`${name} is not paused`)
        process.resume()
        running.state = 'up'
        return done(`${name} goes on`)
      case 'crash':
        running.isCrashed = true
        process.kill()
        await process.ended
        return done(`${name} was killed`)
    }
    action satisfies never
  }

  async #restart(running: Running): Promise<ControlResult> {
    const { server, state } = running
    const { id, dataDir, args } = server
    if (state !== 'ended') return failed(`server ${id} runs: crash it first`)
    if (dataDir === null) {
      return failed(`server ${id} stored nothing, so it has lost its promises: it must not vote again`)
    }
    running.process = new ServerProcess([...args, ...this.#args])
    running.state = 'up'
    running.isCrashed = false
    this.#watch(id, running.process)
    return (await this.#printReady(running))
      ? done(`server ${id} runs again (pid ${running.process.pid})`)
      : failed(`server ${id} could not start: its output says why`)
  }

  async #printReady({ server, process }: Running): Promise<boolean> {
    const address = await process.ready
    if (address === null) return false
    const where = server.dataDir === null ? 'in memory' : `data ${server.dataDir}`
    print(`server ${server.id} ready on ${address} (${where}, pid ${process.pid})`)
    return true
  }

  #watch(node: NodeId, process: ServerProcess): void {
    void Promise.all([process.ready, process.ended]).then(([address, how]) => {
      const running = this.#servers.get(node)
      if (running === undefined || running.process !== process) return
      running.state = 'ended'
      if (!this.#isStopping && address !== null) print(this.#howItEnded(running, how))
      this.#lookForEnd()
    })
  }

  #howItEnded({ server, process, isCrashed }: Running, how: string): string {
    const name = `server ${server.id} (pid ${process.pid})`
    if (isCrashed) return `${name} was killed from the inspector`
    return `${name} ended: ${how}. ${startAgain(server, this.#otherThan(server), this.#paxos)}`
  }

  /** The address of another server of the cluster, if there is one. */
  #otherThan(server: PlannedServer): Address {
    const others = [...this.#servers.values()].filter((other) => other.server !== server)
    return (others[0]?.server ?? server).address
  }

  #lookForEnd(): void {
    const all = [...this.#servers.values()]
    if (all.some(({ state }) => state !== 'ended')) return
    if (this.#isStopping || !all.some(({ isCrashed }) => isCrashed)) this.#end()
  }
}
