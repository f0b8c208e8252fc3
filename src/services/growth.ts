/** How much a value takes in memory, and how much more or less another one takes that shares parts with it. */

/** More steps than any state needs that fits into memory. */
const mostSteps = 100_000_000

const unitBytes = 1
const textBytes = 24
const scalarBytes = 8
const listBytes = 32
const objectBytes = 64
const fieldBytes = 24

/** A node of a `SortedMap`, or an object that looks like one. */
interface Node {
  readonly key: string
  readonly value: unknown
  readonly size: number
  readonly left: Tree
  readonly right: Tree
}

type Tree = Node | null
type Fields = { readonly [key: string]: unknown }

/**
 * Returns the bytes that `after` takes in memory beyond those of `before`; negative when it takes less. The sizes are estimates by fixed
 * rules (`heldBytes`), so they are the same on every server. A part that stands at the same place in both is not visited, nor are the
 * common subtrees of two versions of a `SortedMap`: the cost grows with the change. How the parts are shared decides the cost, never the
 * result: it is the size of the one minus the size of the other. Throws an Error for a value that contains itself.
 */
export function growthBytes(before: unknown, after: unknown): number {
  // The values in turn, each old one below its new one. No recursion: a state may be a long chain.
  const pairs: unknown[] = [before, after]
  let growth = 0
  for (let steps = 0; pairs.length > 0; steps += 1) {
    if (steps > mostSteps) {
      throw new Error(
        'the state contains itself, or is too large to be measured: add sizeBytes to the service',
      )
    }
    const next = pairs.pop()
    const old = pairs.pop()
    if (next === old) continue
    if (isNode(old) && isNode(next)) growth += growthOfMap(old, next, pairs)
    else {
      growth += ownBytes(next) - ownBytes(old)
      pushParts(old, next, pairs)
    }
  }
  return growth
}

/** The bytes of a value without those of its parts. */
function ownBytes(value: unknown): number {
  switch (typeof value) {
    case 'string':
      return textBytes + unitBytes * value.length
    case 'undefined':
    case 'function':
      return 0
    case 'object':
      return value === null ? scalarBytes : ownBytesOfObject(value)
    default:
      return scalarBytes
  }
}

function ownBytesOfObject(value: object): number {
  if (Array.isArray(value)) return listBytes
  if (ArrayBuffer.isView(value)) return objectBytes + value.byteLength
  if (value instanceof Set) return objectBytes + fieldBytes * value.size
  let bytes = objectBytes
  if (value instanceof Map) {
    for (const key of value.keys()) bytes += fieldBytes + ownBytes(key)
    return bytes
  }
  for (const key of Object.keys(value)) {
    // JSON has no such property, so a restored state may lack it.
    if (!isNothing((value as Fields)[key])) bytes += fieldBytes + unitBytes * key.length
  }
  return bytes
}

function isNothing(value: unknown): boolean {
  return value === undefined || typeof value === 'function'
}

/** Adds the parts of both values, in pairs where they stand at the same place. */
function pushParts(old: unknown, next: unknown, pairs: unknown[]): void {
  if (Array.isArray(old) && Array.isArray(next)) pushElements(old, next, pairs)
  else if (hasFields(old) && hasFields(next)) pushFields(old, next, pairs)
  else {
    const olds = partsOf(old)
    const nexts = partsOf(next)
    for (const [place, part] of nexts) pairs.push(olds.get(place), part)
    for (const [place, part] of olds) if (!nexts.has(place)) pairs.push(part, undefined)
  }
}

function hasFields(value: unknown): value is Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  return !(value instanceof Map || value instanceof Set || ArrayBuffer.isView(value))
}

function pushFields(old: Fields, next: Fields, pairs: unknown[]): void {
  for (const key of Object.keys(next)) pairs.push(Object.hasOwn(old, key) ? old[key] : undefined, next[key])
  for (const key of Object.keys(old)) if (!Object.hasOwn(next, key)) pairs.push(old[key], undefined)
}

/** The elements that are not in both. Elements that only moved, because others were added or removed before them, are found again. */
function pushElements(old: readonly unknown[], next: readonly unknown[], pairs: unknown[]): void {
  let [at, to] = [0, 0]
  while (at < old.length && to < next.length) {
    const [removed, added] = [old[at], next[to]]
    const isSame = removed === added
    const isAdded = !isSame && removed === next[to + 1]
    const isRemoved = !isSame && !isAdded && added === old[at + 1]
    if (!isSame) pairs.push(isAdded ? undefined : removed, isRemoved ? undefined : added)
    if (!isAdded) at += 1
    if (!isRemoved) to += 1
  }
  for (; at < old.length; at += 1) pairs.push(old[at], undefined)
  for (; to < next.length; to += 1) pairs.push(undefined, next[to])
}

const nothing: ReadonlyMap<unknown, unknown> = new Map()

/** The parts of a value, by their places. */
function partsOf(value: unknown): ReadonlyMap<unknown, unknown> {
  if (value instanceof Map) return value
  if (value instanceof Set) return new Map([...value].map((part) => [part, part]))
  if (Array.isArray(value)) return new Map(value.entries())
  return hasFields(value) ? new Map(Object.entries(value)) : nothing
}

/**
 * The growth between two versions of a sorted map, without the values: those are added to `pairs`. Walks both in order of key and passes
 * over every subtree that is in both, wherever it stands: the larger of the two next subtrees is taken apart first, so a common one is
 * next on both sides at some time.
 */
function growthOfMap(old: Node, next: Node, pairs: unknown[]): number {
  const olds = new Walk(old, (part) => pairs.push(part, undefined))
  const nexts = new Walk(next, (part) => pairs.push(undefined, part))
  let growth = 0
  while (!olds.isOver || !nexts.isOver) {
    if (olds.tree !== undefined && olds.tree === nexts.tree) {
      olds.skip()
      nexts.skip()
    } else if (olds.size >= 0 && olds.size >= nexts.size) growth -= olds.open()
    else if (nexts.size >= 0) growth += nexts.open()
    else {
      const [one, other] = [olds.entry, nexts.entry]
      const isOld = one !== undefined && (other === undefined || one.key <= other.key)
      const isNew = other !== undefined && (one === undefined || other.key <= one.key)
      pairs.push(isOld ? one.value : undefined, isNew ? other.value : undefined)
      if (isOld) growth -= olds.take()
      if (isNew) growth += nexts.take()
    }
  }
  return growth
}

/** The rest of a map, in order of key: subtrees, and the entries between them. */
class Walk {
  /** The next one last. A list holds the node whose entry alone is meant. */
  readonly #rest: (Tree | readonly [Node])[]
  /** Given what stands in the place of a subtree and is none. */
  readonly #other: (part: unknown) => void

  constructor(root: Node, other: (part: unknown) => void) {
    this.#rest = [root]
    this.#other = other
  }

  get isOver(): boolean {
    return this.#rest.length === 0
  }

  /** The next subtree; `undefined` when an entry is next, or nothing. */
  get tree(): Tree | undefined {
    const next = this.#rest.at(-1)
    return Array.isArray(next) ? undefined : (next as Tree | undefined)
  }

  /** The number of entries of the next subtree; -1 when there is none. */
  get size(): number {
    const { tree } = this
    return tree === undefined ? -1 : (tree?.size ?? 0)
  }

  /** The next entry; `undefined` when a subtree is next, or nothing. */
  get entry(): Node | undefined {
    const next = this.#rest.at(-1)
    return Array.isArray(next) ? (next as readonly [Node])[0] : undefined
  }

  skip(): void {
    this.#rest.pop()
  }

  /** Puts the parts of the next subtree in its place. Returns the bytes of an empty one. */
  open(): number {
    const tree = this.#rest.pop() as Tree
    if (tree === null) return scalarBytes
    this.#push(tree.right)
    this.#rest.push([tree])
    this.#push(tree.left)
    return 0
  }

  /** Passes over the next entry. Returns its bytes without those of its value. */
  take(): number {
    const [node] = this.#rest.pop() as readonly [Node]
    return ownBytes(node) + ownBytes(node.key) + scalarBytes
  }

  #push(tree: unknown): void {
    if (tree === null || isNode(tree)) this.#rest.push(tree)
    else this.#other(tree)
  }
}

function isNode(value: unknown): value is Node {
  if (typeof value !== 'object' || value === null || !('left' in value && 'right' in value)) return false
  const { key, size } = value as { readonly key?: unknown; readonly size?: unknown }
  // The negation of the comparison also refuses NaN.
  if (typeof key !== 'string' || typeof size !== 'number' || !(size >= 0)) return false
  return Object.keys(value).length === 5 && 'value' in value
}
