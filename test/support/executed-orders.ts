/** Compares the logs of executed requests of several servers: a line is `INSTANCE.INDEX UID SEQ COMMAND`. */

import { isOpeningName } from '../../src/core/names.ts'

/** An answer that a client received. `command` is the JSON of the command. */
export interface Answered {
  readonly instance: number
  readonly index: number
  readonly command: string
}

/** The first place at which two servers executed different requests; `null` when the orders agree as far as each goes. */
export function difference(orders: readonly (readonly string[])[]): string | null {
  const shortest = Math.min(...orders.map((order) => order.length))
  for (let at = 0; at < shortest; at += 1) {
    const lines = new Set(orders.map((order) => order[at]))
    if (lines.size > 1) return `the servers executed differently: ${[...lines].join(' and ')}`
  }
  return null
}

/** The requests that the server with the longest order executed twice, as `UID SEQ`. A copy of an `open` opens another session. */
export function executedTwice(orders: readonly (readonly string[])[]): readonly string[] {
  const longest = orders.reduce((a, b) => (b.length > a.length ? b : a))
  const seen = new Set<string>()
  return longest
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
  for (const line of orders.flat()) {
    const [position = '', , , ...command] = line.split(' ')
    executed.set(position, command.join(' '))
  }
  return answers.filter(({ instance, index, command }) => executed.get(`${instance}.${index}`) !== command)
}
