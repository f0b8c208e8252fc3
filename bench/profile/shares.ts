/** Sums up a CPU profile: the share of each module, and of each function. */
import type { CpuProfile } from './profiler.ts'

export interface Share {
  readonly name: string
  /** The part of the time in which the process computed, from 0 to 1. */
  readonly share: number
}

export interface Shares {
  /** The part of the profile in which the process computed, from 0 to 1. */
  readonly busy: number
  /** How many samples the shares stand on: shares of few samples are coarse. */
  readonly samples: number
  /** The largest first. */
  readonly modules: readonly Share[]
  readonly functions: readonly Share[]
}

type Node = CpuProfile['nodes'][number]

/** Pseudo functions of the profiler, which belong to no module. */
const pseudoFunctions: Readonly<Record<string, string>> = {
  '(garbage collector)': 'garbage collection',
  '(program)': 'native code outside of functions',
  '(root)': 'native code outside of functions',
}

/** The module of a file: a package, a module of Node.js, or a folder of the project; `null` for a function without a file. */
export function moduleOf(url: string): string | null {
  if (url === '') return null
  const [, builtIn] = /^node:(?:internal\/)?([^/]+)/.exec(url) ?? []
  if (builtIn !== undefined) return `node:${builtIn}`
  const [, packaged] = /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(url) ?? []
  if (packaged !== undefined) return packaged
  const [, own] = /\/dist\/((?:src\/)?[^/]+)\//.exec(url) ?? []
  return own ?? url
}

/** Code that the program made at run time, such as the checks of schemas, has a script but no file. */
const generated = 'generated code'

/** Attributes a function without a file, such as one of V8 or a binding of Node.js, to the module that called it. */
function moduleOfNode({ callFrame }: Node, caller: string): string {
  const { functionName, url, scriptId } = callFrame
  const pseudo = pseudoFunctions[functionName]
  if (pseudo !== undefined) return pseudo
  if (url === '' && scriptId !== '0') return generated
  return moduleOf(url) ?? caller
}

function functionName({ callFrame }: Node, module: string): string {
  const name = callFrame.functionName === '' ? '(anonymous)' : callFrame.functionName
  const file = callFrame.url.split('/').at(-1) ?? ''
  if (file !== '') return `${name} (${module}, ${file}:${callFrame.lineNumber + 1})`
  return name in pseudoFunctions ? name : `${name} (${module}, without a file)`
}

/** Sums up the time of each function itself, without the functions that it called. */
export function sharesOf(profile: CpuProfile): Shares {
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]))
  const ownTime = new Map<number, number>()
  let total = 0
  for (const [place, id] of (profile.samples ?? []).entries()) {
    // A delta is the time from the sample before: the time that passed in that sample is the next delta.
    const time = profile.timeDeltas?.[place + 1] ?? 0
    ownTime.set(id, (ownTime.get(id) ?? 0) + time)
    total += time
  }
  const modules = new Map<string, number>()
  const functions = new Map<string, number>()
  let busy = 0
  const add = (sums: Map<string, number>, name: string, time: number) =>
    sums.set(name, (sums.get(name) ?? 0) + time)
  const children = new Set(profile.nodes.flatMap((node) => node.children ?? []))
  const open = profile.nodes
    .filter(({ id }) => !children.has(id))
    .map((node) => ({ node, caller: 'native code outside of functions' }))
  for (const { node, caller } of open) {
    const module = moduleOfNode(node, caller)
    const time = ownTime.get(node.id) ?? 0
    if (node.callFrame.functionName !== '(idle)') {
      busy += time
      add(modules, module, time)
      add(functions, functionName(node, module), time)
    }
    for (const id of node.children ?? []) {
      const child = nodes.get(id)
      if (child !== undefined) open.push({ node: child, caller: module })
    }
  }
  const sorted = (sums: Map<string, number>) =>
    [...sums]
      .map(([name, time]) => ({ name, share: time / busy }))
      .filter(({ share }) => share > 0)
      .sort((a, b) => b.share - a.share || a.name.localeCompare(b.name))
  const samples = profile.samples?.length ?? 0
  return { busy: busy / total, samples, modules: sorted(modules), functions: sorted(functions) }
}
