/**
 * A chart, prepared for quick steps: for each innermost state and each event, the alternatives with all actions of their transition in
 * order, and the state that follows. It is read from the state nodes of the machine, so the machine stays the only definition.
 */
import type { AnyMachineSnapshot, AnyStateMachine, AnyStateNode, StateValue } from 'xstate'

export type ChartEvent = { readonly type: string }
export type Context = Readonly<Record<string, unknown>>

/** What a guard, an action, a delay or a parameter receives. */
export interface Args {
  readonly context: Context
  readonly event: ChartEvent
}
export type Expression = (args: object, params: unknown) => unknown

/** The parameters of a guard or an action: a value, or a function of the context and the event. */
type Params = unknown

export interface Guard {
  readonly holds: (args: Args, params: unknown) => boolean
  readonly params: Params
}

/** An action of XState, with the fields that XState's own creators of actions write. */
export interface Action {
  readonly kind: 'assign' | 'emit' | 'enqueueActions' | 'raise' | 'cancel'
  readonly params: Params
  readonly assignment?: unknown
  readonly event?: unknown
  readonly collect?: Expression
  readonly id?: unknown
  readonly delay?: unknown
  readonly sendId?: unknown
}

/** One alternative for an event in a state. */
export interface Alternative {
  readonly guard: Guard | null
  /** The actions of the exited states, of the transition and of the entered states. */
  readonly actions: readonly Action[]
  readonly to: Leaf
}

/** An innermost state of the chart, which determines the states around it. */
export interface Leaf {
  readonly on: ReadonlyMap<string, readonly Alternative[]>
  readonly always: readonly Alternative[]
  snapshotWith(context: Context): AnyMachineSnapshot
}

export interface Chart {
  readonly machine: AnyStateMachine
  readonly delays: Readonly<Record<string, unknown>>
  /** True when some state handles events of this type. */
  knows(type: string): boolean
  /** The innermost active state; `null` when the snapshot has parts that a chart does not know. */
  leafOf(snapshot: AnyMachineSnapshot): Leaf | null
}

const known = new WeakMap<AnyStateMachine, { readonly chart: Chart | null }>()

/** The chart of `machine`; `null` when the machine has parts that only XState knows. */
export function chartOf(machine: AnyStateMachine): Chart | null {
  let entry = known.get(machine)
  if (entry === undefined) {
    entry = { chart: read(machine) }
    known.set(machine, entry)
  }
  return entry.chart
}

class Unknown extends Error {}

function read(machine: AnyStateMachine): Chart | null {
  try {
    return new ReadChart(machine)
  } catch (error) {
    if (error instanceof Unknown) return null
    throw error
  }
}

type Transition = NonNullable<AnyStateNode['always']>[number]
type NamedThing = string | { readonly type: string; readonly params?: unknown }

class ReadChart implements Chart {
  readonly machine: AnyStateMachine
  readonly delays: Readonly<Record<string, unknown>>
  readonly #leaves = new Map<AnyStateNode, ReadLeaf>()
  /** The leaf of a list of active states. The snapshots of one leaf share the list. */
  readonly #byNodes = new WeakMap<readonly AnyStateNode[], Leaf>()
  readonly #types = new Set<string>()

  constructor(machine: AnyStateMachine) {
    this.machine = machine
    this.delays = machine.implementations.delays
    const nodes = nodesBelow(machine.root)
    for (const node of nodes) {
      if (node.type === 'atomic') this.#leaves.set(node, new ReadLeaf(machine, node))
      else if (node.type !== 'compound') throw new Unknown()
      if (node.invoke.length > 0 || node.initial.actions.length > 0) throw new Unknown()
      for (const type of node.transitions.keys()) this.#types.add(type)
    }
    if ([...this.#types].some((type) => type.includes('*') || type.startsWith('xstate.done')))
      throw new Unknown()
    for (const leaf of this.#leaves.values()) {
      this.#byNodes.set(leaf.nodes, leaf)
      for (const type of this.#types) {
        const found = leaf.path.flatMap((node) => node.transitions.get(type) ?? [])
        if (found.length > 0) leaf.on.set(type, this.#alternatives(found as Transition[], leaf))
      }
      leaf.always.push(
        ...this.#alternatives(
          leaf.path.flatMap((node) => node.always ?? []),
          leaf,
        ),
      )
    }
  }

  knows(type: string): boolean {
    return this.#types.has(type)
  }

  leafOf({ _nodes: nodes, children }: AnyMachineSnapshot): Leaf | null {
    const leaf = this.#byNodes.get(nodes)
    if (leaf !== undefined) return leaf
    if (Object.keys(children).length > 0) return null
    const inner = nodes.find((node: AnyStateNode) => node.type === 'atomic')
    return inner === undefined ? null : (this.#leaves.get(inner) ?? null)
  }

  #alternatives(transitions: readonly Transition[], leaf: ReadLeaf): Alternative[] {
    return transitions.map((transition) => {
      const { exited, entered, to } = this.#move(transition, leaf)
      const actions = [
        ...exited.flatMap((node) => node.exit),
        ...transition.actions,
        ...entered.flatMap((node) => node.entry),
      ]
      return { guard: this.#guard(transition.guard), actions: actions.map((one) => this.#action(one)), to }
    })
  }

  /** The states that a transition exits and enters, by the algorithm of SCXML for charts without parallel states and history. */
  #move({ source, target, reenter }: Transition, leaf: ReadLeaf) {
    if (target === undefined || target.length === 0) return { exited: [], entered: [], to: leaf }
    const [goal] = target
    if (goal === undefined || target.length > 1) throw new Unknown()
    const isInside = goal === source || isBelow(goal, source)
    const domain = !reenter && isInside ? source : above(goal).find((node) => isBelow(source, node))
    // A transition of the root that enters it again is around every state.
    const around = domain ?? (reenter ? null : this.machine.root)
    const entered = above(goal).filter((node) => isBelow(node, around))
    if (goal !== around) entered.unshift(goal)
    let inner = goal
    while (inner.type === 'compound') {
      inner = inner.initial.target[0] as AnyStateNode
      entered.push(inner)
    }
    const to = this.#leaves.get(inner)
    if (to === undefined) throw new Unknown()
    return {
      exited: leaf.path.filter((node) => isBelow(node, around)),
      entered: entered.sort((a, b) => a.order - b.order),
      to,
    }
  }

  #guard(guard: unknown): Guard | null {
    if (guard === undefined) return null
    const { implementation, params } = implementationOf(guard, this.machine.implementations.guards)
    if (typeof implementation !== 'function' || 'check' in implementation) throw new Unknown()
    return { holds: implementation as Guard['holds'], params }
  }

  #action(action: unknown): Action {
    const { implementation, params } = implementationOf(action, this.machine.implementations.actions)
    const { type, ...fields } = implementation as unknown as { readonly type: string }
    const kind = type?.slice('xstate.'.length)
    if (typeof implementation !== 'function' || !isKnownKind(kind)) throw new Unknown()
    return { kind, params, ...fields }
  }
}

class ReadLeaf implements Leaf {
  /** The active states, the innermost first. */
  readonly path: readonly AnyStateNode[]
  readonly on = new Map<string, readonly Alternative[]>()
  readonly always: Alternative[] = []
  readonly #first: AnyMachineSnapshot

  constructor(machine: AnyStateMachine, node: AnyStateNode) {
    this.path = [node, ...above(node)]
    this.#first = machine.resolveState({ value: stateValueOf(node.path), context: {} }) as AnyMachineSnapshot
  }

  get nodes(): readonly AnyStateNode[] {
    return this.#first._nodes
  }

  /** As XState makes it. A literal: a spread that replaces a field costs as much as the rest of the step. */
  snapshotWith(context: Context): AnyMachineSnapshot {
    const first = this.#first
    return {
      status: first.status,
      output: first.output,
      error: first.error,
      machine: first.machine,
      context,
      _nodes: first._nodes,
      value: first.value,
      tags: first.tags,
      children: first.children,
      historyValue: first.historyValue,
      matches: first.matches,
      hasTag: first.hasTag,
      can: first.can,
      getMeta: first.getMeta,
      toJSON: first.toJSON,
    } as AnyMachineSnapshot
  }
}

function isKnownKind(kind: string): kind is Action['kind'] {
  return ['assign', 'emit', 'enqueueActions', 'raise', 'cancel'].includes(kind)
}

/** The implementation of a guard or an action, which is inline, a name, or a name with parameters. */
function implementationOf(thing: unknown, named: Readonly<Record<string, unknown>>) {
  if (typeof thing === 'function') return { implementation: thing, params: undefined }
  const { type, params } =
    typeof thing === 'string' ? { type: thing, params: undefined } : (thing as Exclude<NamedThing, string>)
  return { implementation: named[type] as object, params }
}

function nodesBelow(node: AnyStateNode): AnyStateNode[] {
  return [node, ...Object.values(node.states as Record<string, AnyStateNode>).flatMap(nodesBelow)]
}

/** The states around `node`, the innermost first. */
function above(node: AnyStateNode): AnyStateNode[] {
  return node.parent === undefined ? [] : [node.parent, ...above(node.parent)]
}

function isBelow(node: AnyStateNode, other: AnyStateNode | null): boolean {
  return other === null || above(node).includes(other)
}

/** The state value of a path: `a`, or `{ a: 'b' }`. */
function stateValueOf([first = '', ...rest]: readonly string[]): StateValue {
  return rest.length === 0 ? first : { [first]: stateValueOf(rest) }
}
