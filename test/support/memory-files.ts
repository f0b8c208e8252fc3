/** Files in memory whose operations end at once. They know which bytes and which entries survive a loss of power. */
import type { Operation } from '../../src/core/process.ts'
import type { Files } from '../../src/storage/files.ts'

/** The bytes of each file, by its path. Nobody changes the bytes, so a copy of the map is a copy of the files. */
export type Contents = ReadonlyMap<string, Uint8Array>

interface FileNode {
  readonly kind: 'file'
  bytes: Uint8Array
  /** The bytes after the last sync. */
  synced: Uint8Array
}

interface DirectoryNode {
  readonly kind: 'directory'
  entries: Map<string, Node>
  /** The entries after the last sync. */
  synced: Map<string, Node>
}

type Node = FileNode | DirectoryNode

const nothing = new Uint8Array(0)

export class MemoryFiles implements Files {
  readonly #root: DirectoryNode = directory()

  /** Files that hold `contents`, all of them synced. */
  constructor(contents: Contents = new Map()) {
    for (const [path, bytes] of contents) {
      const parts = path.split('/')
      const name = parts.pop()!
      let parent = this.#root
      for (const part of parts) {
        const next = parent.entries.get(part) ?? directory()
        parent.entries.set(part, next)
        parent.synced.set(part, next)
        parent = next as DirectoryNode
      }
      const file: FileNode = { kind: 'file', bytes, synced: bytes }
      parent.entries.set(name, file)
      parent.synced.set(name, file)
    }
  }

  /** What a process that starts now would read. */
  get contents(): Contents {
    return collected(this.#root, 'entries', new Map(), '')
  }

  /** What is left after a loss of power, if all that was not synced is lost. */
  get syncedContents(): Contents {
    return collected(this.#root, 'synced', new Map(), '')
  }

  /** The same files, of which the same bytes and entries are synced. */
  copy(): MemoryFiles {
    const copied = new MemoryFiles()
    const copies = new Map<Node, Node>()
    const copyOf = (node: Node): Node => {
      const known = copies.get(node)
      if (known !== undefined) return known
      const copy: Node = node.kind === 'file' ? { ...node } : directory()
      copies.set(node, copy)
      if (node.kind === 'directory' && copy.kind === 'directory') copyEntries(node, copy)
      return copy
    }
    const copyEntries = (from: DirectoryNode, to: DirectoryNode) => {
      for (const which of ['entries', 'synced'] as const) {
        to[which] = new Map([...from[which]].map(([name, node]) => [name, copyOf(node)]))
      }
    }
    copyEntries(this.#root, copied.#root)
    return copied
  }

  list(path: string): Operation<readonly string[] | null> {
    return ending(() => {
      const node = this.#find(path)
      if (node === undefined) return null
      if (node.kind === 'file') throw failure('ENOTDIR', path)
      return [...node.entries.keys()]
    })
  }

  read(path: string, offset: number, lengthBytes: number): Operation<Uint8Array> {
    return ending(() => {
      const { bytes } = this.#file(path)
      return bytes.subarray(offset, Math.min(offset + lengthBytes, bytes.length))
    })
  }

  makeDirectory(path: string): Operation<void> {
    return ending(() => this.#add(path, directory()))
  }

  create(path: string): Operation<void> {
    return ending(() => this.#add(path, { kind: 'file', bytes: nothing, synced: nothing }))
  }

  write(path: string, offset: number, bytes: Uint8Array): Operation<void> {
    return ending(() => {
      const file = this.#file(path)
      const after = new Uint8Array(Math.max(file.bytes.length, offset + bytes.length))
      after.set(file.bytes)
      after.set(bytes, offset)
      file.bytes = after
    })
  }

  sync(path: string): Operation<void> {
    return ending(() => {
      const file = this.#file(path)
      file.synced = file.bytes
    })
  }

  syncDirectory(path: string): Operation<void> {
    return ending(() => {
      const node = this.#directory(path)
      node.synced = new Map(node.entries)
    })
  }

  rename(from: string, to: string): Operation<void> {
    return ending(() => {
      const node = this.#find(from)
      if (node === undefined) throw failure('ENOENT', from)
      const target = this.#directory(parentOf(to)).entries
      this.#directory(parentOf(from)).entries.delete(nameOf(from))
      target.set(nameOf(to), node)
    })
  }

  remove(path: string): Operation<void> {
    return ending(() => {
      this.#directory(parentOf(path)).entries.delete(nameOf(path))
    })
  }

  close(): Operation<void> {
    return ending(() => undefined)
  }

  #find(path: string): Node | undefined {
    let node: Node | undefined = this.#root
    for (const part of path === '.' ? [] : path.split('/')) {
      node = node?.kind === 'directory' ? node.entries.get(part) : undefined
    }
    return node
  }

  #file(path: string): FileNode {
    const node = this.#find(path)
    if (node === undefined) throw failure('ENOENT', path)
    if (node.kind === 'directory') throw failure('EISDIR', path)
    return node
  }

  #directory(path: string): DirectoryNode {
    const node = this.#find(path)
    if (node === undefined) throw failure('ENOENT', path)
    if (node.kind === 'file') throw failure('ENOTDIR', path)
    return node
  }

  #add(path: string, node: Node): void {
    const { entries } = this.#directory(parentOf(path))
    if (entries.has(nameOf(path))) throw failure('EEXIST', path)
    entries.set(nameOf(path), node)
  }
}

/** An error as the file system reports it. */
export function failure(code: string, path: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}: ${path}`), { code })
}

function directory(): DirectoryNode {
  return { kind: 'directory', entries: new Map(), synced: new Map() }
}

function parentOf(path: string): string {
  return path.includes('/') ? path.slice(0, path.lastIndexOf('/')) : '.'
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1)
}

function ending<T>(act: () => T): Operation<T> {
  return (ended) => {
    let result: T
    try {
      result = act()
    } catch (error) {
      ended(error as Error)
      return
    }
    ended(null, result)
  }
}

function collected(
  node: DirectoryNode,
  which: 'entries' | 'synced',
  into: Map<string, Uint8Array>,
  prefix: string,
): Map<string, Uint8Array> {
  for (const [name, child] of node[which]) {
    const path = `${prefix}${name}`
    if (child.kind === 'directory') collected(child, which, into, `${path}/`)
    else into.set(path, which === 'entries' ? child.bytes : child.synced)
  }
  return into
}
