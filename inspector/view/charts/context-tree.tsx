import { useRef } from 'preact/hooks'
import type { Json } from '../../../machines/batch.ts'
import { type ContextLine, contextLines } from '../../charts/context-lines.ts'

interface Shown {
  readonly value: Json
  readonly lines: readonly ContextLine[]
  /** The paths of the values that changed. */
  readonly changed: ReadonlySet<string>
}

/** The context of a role, one line for each field. Fields that the last step changed are marked. */
export function ContextTree({ value }: { readonly value: Json }) {
  const shown = useRef<Shown | null>(null)
  if (shown.current?.value !== value) shown.current = shownAfter(shown.current, value)
  const { lines, changed } = shown.current
  return (
    <dl class="charts-context">
      {lines.map(({ path, name, text, depth }) => (
        <div
          key={path}
          class={`is-depth-${depth}${changed.has(path) ? ' is-changed' : ''}${text === '' ? ' is-parent' : ''}`}
        >
          <dt>{name}</dt>
          <dd>{text}</dd>
        </div>
      ))}
    </dl>
  )
}

function shownAfter(before: Shown | null, value: Json): Shown {
  const lines = contextLines(value)
  const known = new Map(before?.lines.map(({ path, text }) => [path, text]))
  const changed = before === null ? [] : lines.filter(({ path, text }) => known.get(path) !== text)
  return { value, lines, changed: new Set(changed.map(({ path }) => path)) }
}
