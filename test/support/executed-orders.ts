/**
 * Compares the logs of executed requests of several servers: a line is `INSTANCE.INDEX UID SEQ COMMAND`, or `FIRST-LAST snapshot` for
 * the instances that a snapshot replaced.
 */

import { isOpeningName } from '../../src/core/names.ts'

/** An answer that a client received. `command` is the JSON of the command. */
export interface Answered {
  readonly instance: number
  readonly index: number
  readonly command: string
}

/**
 * The first place at which two servers executed different requests; `null` when the orders agree as far as each goes. What a snapshot
 * replaced on one of them is not compared.
 */
export function difference(orders: readonly (readonly string[])[]): string | null {
  const replaced = orders.flatMap((order) => order.flatMap((line) => replacedIn(line) ?? []))
  const isReplaced = (line: string) => {
    const instance = Number.parseInt(line, 10)
    return replaced.some(({ first, last }) => first <= instance && instance <= last)
  }
  const compared = orders.map((order) => requestsIn(order).filter((line) => !isReplaced(line)))
  const shortest = Math.min(...compared.map((order) => order.length))
  for (let at = 0; at < shortest; at += 1) {
    const lines = new Set(compared.map((order) => order[at]))
    if (lines.size > 1) return `the servers executed differently: ${[...lines].join(' and ')}`
  }
  return null
}

/** How often a snapshot replaced what a server had executed. */
export function replacedBySnapshots(orders: readonly (readonly string[])[]): number {
  return orders.flatMap((order) => order.flatMap((line) => replacedIn(line) ?? [])).length
}

/** The requests that the server with the longest order executed twice, as `UID SEQ`. A copy of an `open` opens another session. */
export function executedTwice(orders: readonly (readonly string[])[]): readonly string[] {
  const longest = orders.reduce((a, b) => (b.length > a.length ? b : a))
  const seen = new Set<string>()
  return requestsIn(longest)
    .map((line) => line.split(' ').slice(1, 3))
    .filter(([uid = '']) => !isOpeningName(uid))
    .map((parts) => parts.join(' '))
    .filter((name) => seen.size === seen.add(name).size)
}

/** The answers that no order contains at their place. */
export function lostAnswers<A extends Answered>(
  answers: readonly A[],
  orders: readonly (readonly string[])[],
): readonly A[] {
  const executed = new Map<string, string>()
  for (const line of orders.flatMap(requestsIn)) {
    const [position = '', , , ...command] = line.split(' ')
    executed.set(position, command.join(' '))
  }
  return answers.filter(({ instance, index, command }) => executed.get(`${instance}.${index}`) !== command)
}

function requestsIn(order: readonly string[]): readonly string[] {
  return order.filter((line) => replacedIn(line) === null)
}

function replacedIn(line: string): { readonly first: number; readonly last: number } | null {
  const [, first, last] = /^(\d+)-(\d+) snapshot$/.exec(line) ?? []
  return first === undefined || last === undefined ? null : { first: Number(first), last: Number(last) }
}
