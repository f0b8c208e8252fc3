import './json-tree.css'
import type { Json } from '../../../machines/batch.ts'

interface JsonTreeProps {
  /** The name of the field, if it is one. */
  readonly name?: string
  readonly value: Json
  /** How many levels are open at first. */
  readonly open?: number
}

/** Plain data as a tree. */
export function JsonTree({ name, value, open = 2 }: JsonTreeProps) {
  const label = name === undefined ? null : <span class="json-name">{name}: </span>
  if (value === null || typeof value !== 'object') {
    return (
      <div class="json-leaf">
        {label}
        <span class={`json-${value === null ? 'null' : typeof value}`}>{JSON.stringify(value)}</span>
      </div>
    )
  }
  const fields = Object.entries(value)
  const isList = Array.isArray(value)
  if (fields.length === 0) {
    return (
      <div class="json-leaf">
        {label}
        {isList ? '[]' : '{}'}
      </div>
    )
  }
  return (
    <details class="json-branch" open={open > 0}>
      <summary>
        {label}
        <span class="json-size">{isList ? `${fields.length} in a list` : `${fields.length} fields`}</span>
      </summary>
      {fields.map(([key, item]) => (
        <JsonTree key={key} name={key} value={item} open={open - 1} />
      ))}
    </details>
  )
}
