/**
 * The latest value (OTel spec, metrics SDK, "Last Value Aggregation").
 *
 * It keeps no time of its own: cells are merged in the order of their generations, so what is merged last is the latest.
 */
export class LastValueCell {
  value = 0

  record(value: number): void {
    this.value = value
  }

  add(value: number): void {
    this.value = value
  }

  merge(later: LastValueCell): void {
    this.value = later.value
  }

  reset(): void {
    this.value = 0
  }

  clone(): LastValueCell {
    const copy = new LastValueCell()
    copy.merge(this)
    return copy
  }

  toValue(): number {
    return this.value
  }

  intoValue(): number {
    return this.value
  }
}
