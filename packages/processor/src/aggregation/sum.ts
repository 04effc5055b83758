/** The sum of what was recorded (OTel spec, metrics SDK, "Sum Aggregation"). */
export class SumCell {
  value = 0

  record(value: number): void {
    this.value += value
  }

  add(value: number): void {
    this.value += value
  }

  merge(later: SumCell): void {
    this.value += later.value
  }

  /** See {@link subtractCell}. */
  subtract(earlier: SumCell): boolean {
    this.value -= earlier.value
    return this.value >= 0
  }

  reset(): void {
    this.value = 0
  }

  clone(): SumCell {
    const copy = new SumCell()
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
