/** Files of which a test sees each operation, and decides whether it proceeds, waits, fails or never ends. */
import type { Operation } from '../../src/core/process.ts'
import type { Files } from '../../src/storage/files.ts'

export interface FileCall {
  readonly operation: keyof Files
  readonly path: string
  /** Where a read or a write begins; 0 for the other operations. */
  readonly offset: number
  readonly lengthBytes: number
}

/**
 * What happens to an operation. `hold`: it waits for `release`. `hang`: it has no effect and never ends. `hangTorn`: a write writes
 * the first half of its bytes and never ends. `hangDone`: it has its effect and never ends. With `done` an error has its effect first.
 */
export type Decision =
  | 'proceed'
  | 'hold'
  | 'hang'
  | 'hangTorn'
  | 'hangDone'
  | { readonly error: Error; readonly done: boolean }

export class ObservedFiles implements Files {
  readonly calls: FileCall[] = []
  readonly #files: Files
  readonly #decide: (call: FileCall, number: number) => Decision
  #held: (() => void)[] = []

  /** `decide` receives each operation, and how many there were before. */
  constructor(files: Files, decide: (call: FileCall, number: number) => Decision = () => 'proceed') {
    this.#files = files
    this.#decide = decide
  }

  /** The number of operations that wait. */
  get held(): number {
    return this.#held.length
  }

  /** Lets all operations that wait proceed. */
  release(): void {
    const held = this.#held
    this.#held = []
    for (const proceed of held) proceed()
  }

  list(path: string) {
    return this.#observed({ operation: 'list', path }, this.#files.list(path))
  }

  read(path: string, offset: number, lengthBytes: number) {
    const call = { operation: 'read', path, offset, lengthBytes } as const
    return this.#observed(call, this.#files.read(path, offset, lengthBytes))
  }

  makeDirectory(path: string) {
    return this.#observed({ operation: 'makeDirectory', path }, this.#files.makeDirectory(path))
  }

  create(path: string) {
    return this.#observed({ operation: 'create', path }, this.#files.create(path))
  }

  write(path: string, offset: number, bytes: Uint8Array) {
    const call = { operation: 'write', path, offset, lengthBytes: bytes.length } as const
    const torn = this.#files.write(path, offset, bytes.subarray(0, bytes.length >> 1))
    return this.#observed(call, this.#files.write(path, offset, bytes), torn)
  }

  sync(path: string) {
    return this.#observed({ operation: 'sync', path }, this.#files.sync(path))
  }

  syncDirectory(path: string) {
    return this.#observed({ operation: 'syncDirectory', path }, this.#files.syncDirectory(path))
  }

  rename(from: string, to: string) {
    return this.#observed({ operation: 'rename', path: from }, this.#files.rename(from, to))
  }

  remove(path: string) {
    return this.#observed({ operation: 'remove', path }, this.#files.remove(path))
  }

  close(path: string) {
    return this.#observed({ operation: 'close', path }, this.#files.close(path))
  }

  #observed<T>(
    part: Pick<FileCall, 'operation' | 'path'> & Partial<FileCall>,
    operation: Operation<T>,
    torn: Operation<T> = () => undefined,
  ): Operation<T> {
    return (ended) => {
      const call = { offset: 0, lengthBytes: 0, ...part }
      const decision = this.#decide(call, this.calls.length)
      this.calls.push(call)
      switch (decision) {
        case 'proceed':
          return operation(ended)
        case 'hold':
          this.#held.push(() => operation(ended))
          return
        case 'hang':
          return
        case 'hangTorn':
          return torn(() => undefined)
        case 'hangDone':
          return operation(() => undefined)
      }
      const { error, done } = decision
      if (done) operation(() => ended(error))
      else ended(error)
    }
  }
}
