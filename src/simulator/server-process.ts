import type { Files } from '../storage/files.ts'
import type { DiskProcess, Opened } from './disk.ts'
import type { FileCall, SimulatedFiles } from './files.ts'
import type { ServerSurroundings } from './server.ts'
import { type RunOptions, ServerRun } from './server-run.ts'
import { Suspension } from './suspension.ts'

export interface ProcessOptions extends Omit<RunOptions, 'suspension' | 'soon' | 'kept'> {
  /** The duration of a call of the file system; `null` when it ends at once. */
  readonly callMs: (call: FileCall) => number | null
}

/** What a fault may wait for: a call of the file system of some kind or of any, or the end of keeping a chunk of a snapshot. */
export type WatchedCall = FileCall | 'any' | 'chunk'

/** Half of it later the next chunk is being kept, or the snapshot checked. */
const chunkMs = 2

interface Watcher {
  readonly call: WatchedCall
  readonly begun: (callMs: number) => void
}

/** A process of a server, from its start to its end. It opens its store, and then serves. */
export class ServerProcess implements DiskProcess {
  readonly suspension = new Suspension()
  readonly #around: ServerSurroundings
  readonly #options: ProcessOptions
  #run: ServerRun | null = null
  #isOver = false
  #syncs = 0
  #watcher: Watcher | null = null

  constructor(around: ServerSurroundings, options: ProcessOptions) {
    this.#around = around
    this.#options = options
  }

  /** `null` before it serves. */
  get run(): ServerRun | null {
    return this.#run
  }

  get isSyncing(): boolean {
    return this.#syncs > 0
  }

  /** Calls `begun` once, with its duration, when the next call of this kind begins. With `null` nothing is called. */
  watch(call: WatchedCall, begun: ((callMs: number) => void) | null): void {
    this.#watcher = begun === null ? null : { call, begun }
  }

  serve(opened: Opened): void {
    const { failed } = this
    const soon = (action: () => void) => {
      this.after(0, action)
    }
    this.#run = new ServerRun(
      this.#around,
      {
        ...this.#options,
        suspension: this.suspension,
        soon,
        failed,
        kept: () => this.#notify('chunk', chunkMs),
      },
      opened,
    )
  }

  end(): void {
    this.#isOver = true
    this.#run?.end()
    this.suspension.end()
  }

  readonly failed = (error: Error): void => {
    if (!this.#isOver) this.#options.failed(error)
  }

  readonly files = (files: SimulatedFiles): Files => {
    return files.session((call, act, ended) => {
      const callMs = this.#options.callMs(call)
      if (callMs === null) {
        act()
        ended()
        return
      }
      if (call === 'sync') this.#syncs += 1
      this.#notify(call, callMs)
      this.#around.timeline.schedule(callMs, () => {
        if (this.#isOver) return
        if (call === 'sync') this.#syncs -= 1
        act()
        this.suspension.take(ended)
      })
    })
  }

  /** Runs an action after `delayMs`, or when a pause ends after that, unless the process has ended then. */
  readonly after = (delayMs: number, action: () => void): (() => void) => {
    let isCancelled = false
    const due = () => {
      if (!isCancelled && !this.#isOver) action()
    }
    const cancel = this.#around.timeline.schedule(delayMs, () => this.suspension.take(due))
    return () => {
      isCancelled = true
      cancel()
    }
  }

  #notify(call: FileCall | 'chunk', callMs: number): void {
    const watcher = this.#watcher
    if (watcher === null || (watcher.call !== call && (watcher.call !== 'any' || call === 'chunk'))) return
    this.#watcher = null
    watcher.begun(callMs)
  }
}
