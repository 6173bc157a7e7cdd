//! Pages in, tables out.

use std::ffi::{c_char, c_void};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_array::ffi_stream::{FFI_ArrowArrayStream, RecordBatchStreamReader};
use arrow_array::types::{Float64Type, Int64Type};
use arrow_schema::DataType;
use ubiqlite::ext::backend::Description;
use ubiqlite::ext::backend::{Page, PageBuilder};
use ubiqlite::{Columns, ErrorKind, Result, Value};

use super::capsule;
use super::table::{ArrowTable, Gather};

/// A page of rows of one column.
fn page(values: impl IntoIterator<Item = Value>) -> Page {
    let mut page = PageBuilder::new(Arc::new(Columns::new(["v"])));
    for value in values {
        assert!(page.push(value.as_ref()));
    }
    page.finish()
}

fn table(pages: impl IntoIterator<Item = Page>) -> Result<ArrowTable> {
    let mut rows = Gather::default();
    for page in pages {
        rows.take(&page);
    }
    rows.finish(&Description::default())
}

fn integers(count: i64) -> Page {
    page((0..count).map(Value::Integer))
}

fn kind(table: &ArrowTable) -> DataType {
    for batch in &table.batches {
        assert_eq!(batch.schema(), table.schema);
    }
    table.schema.field(0).data_type().clone()
}

fn reals(table: &ArrowTable) -> Vec<Option<f64>> {
    let column = |batch: &RecordBatch| batch.column(0).as_primitive::<Float64Type>().clone();
    table.batches.iter().flat_map(|batch| column(batch).iter().collect::<Vec<_>>()).collect()
}

/// The error's message, and the row that it names.
fn refused(pages: impl IntoIterator<Item = Page>) -> (String, Option<usize>) {
    let error = table(pages).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::DatatypeMismatch);
    (error.message().to_owned(), error.index())
}

#[test]
fn nulls_before_and_between_values_are_null_and_no_values() {
    let made = table([page([
        Value::Null,
        Value::Null,
        Value::Text("é".into()),
        Value::Null,
        Value::Text("".into()),
    ])])
    .unwrap();
    let text = made.batches[0].column(0).as_string::<i32>();
    assert_eq!(text.iter().collect::<Vec<_>>(), [None, None, Some("é"), None, Some("")]);
}

#[test]
fn integers_of_earlier_batches_become_reals_when_a_real_comes_after_them() {
    let many = 70_000;
    let made = table([integers(many), page([Value::Null, Value::Real(0.5)])]).unwrap();
    assert_eq!(kind(&made), DataType::Float64);
    let mut expected: Vec<_> = (0..many).map(|row| Some(row as f64)).collect();
    expected.extend([None, Some(0.5)]);
    assert_eq!(reals(&made), expected);
    assert_eq!(made.rows, expected.len());
    assert_eq!(made.batches.len(), 2);
}

#[test]
fn integers_after_reals_become_reals_within_a_batch_and_in_one_of_their_own() {
    let first = page([Value::Real(0.5), Value::Integer(2), Value::Null]);
    let made = table([first, integers(140_000)]).unwrap();
    let all = reals(&made);
    assert_eq!(all[..4], [Some(0.5), Some(2.0), None, Some(0.0)]);
    assert_eq!(all[140_002], Some(139_999.0));
}

#[test]
fn an_integer_that_no_real_is_equal_to_is_refused_wherever_the_reals_are() {
    let odd = || Value::Integer((1 << 53) + 1);
    let here = refused([page([Value::Integer(1), odd(), Value::Real(0.5)])]);
    assert_eq!(here.1, Some(1), "{}", here.0);
    let after = refused([page([Value::Real(0.5), Value::Integer(1), odd()])]);
    assert_eq!(after.1, Some(2), "{}", after.0);
    let far = refused([page([odd()]), integers(70_000), page([Value::Real(0.5)])]);
    assert_eq!(far.1, Some(0), "{}", far.0);
    for (message, _) in [here, after, far] {
        assert!(message.contains("9007199254740993") && message.contains("CAST"), "{message}");
        assert!(message.contains("\"v\""), "{message}");
    }
}

#[test]
fn a_mixture_is_refused_by_its_row_also_when_the_kinds_are_batches_apart() {
    let text = || Value::Text("x".into());
    let (message, row) = refused([page([Value::Integer(1), Value::Null, text()])]);
    assert_eq!(row, Some(2));
    assert!(message.contains("a text where earlier rows have an integer"), "{message}");
    // The batch ends before the first text.
    let (_, row) = refused([integers(1 << 16), page([Value::Null, Value::Null, text()])]);
    assert_eq!(row, Some((1 << 16) + 2));
    let (_, row) = refused([page([text(), Value::Blob(vec![1])])]);
    assert_eq!(row, Some(1));
}

#[test]
fn a_text_that_is_not_utf_8_is_refused_by_its_row() {
    let mut page = PageBuilder::new(Arc::new(Columns::new(["v"])));
    for text in [&b"ok"[..], "é".as_bytes(), b"\xff", b"ok"] {
        assert!(page.push(ubiqlite::ValueRef::Text(text)));
    }
    let (message, row) = refused([page.finish()]);
    assert_eq!(row, Some(2), "{message}");
    // Valid as a whole, but not each by itself.
    let mut page = PageBuilder::new(Arc::new(Columns::new(["v"])));
    for text in [&b"\xc3"[..], b"\xa9"] {
        assert!(page.push(ubiqlite::ValueRef::Text(text)));
    }
    assert_eq!(refused([page.finish()]).1, Some(0));
}

#[test]
fn a_batch_ends_before_its_texts_are_too_many_for_its_offsets() {
    let large = || Value::Blob(vec![7; 40 << 20]);
    let made = table([page([large(), large(), Value::Null]), page([large()])]).unwrap();
    let rows: Vec<_> = made.batches.iter().map(RecordBatch::num_rows).collect();
    assert_eq!(rows.iter().sum::<usize>(), 4);
    assert!(rows.len() >= 3, "{rows:?}");
    assert_eq!(made.batches[0].column(0).as_binary::<i32>().value(0).len(), 40 << 20);
}

#[test]
fn a_result_without_rows_has_no_batch_and_its_columns_still() {
    let made = table([]).unwrap();
    assert_eq!((made.rows, made.batches.len(), made.schema.fields().len()), (0, 0, 0));
}

/// Stands in for Python's capsules: one at a time.
struct Capsule {
    content: *mut c_void,
    end: Option<unsafe extern "C" fn(*mut c_void)>,
}

static ENDED: AtomicUsize = AtomicUsize::new(0);

unsafe extern "C" fn new(
    content: *mut c_void,
    _: *const c_char,
    end: Option<unsafe extern "C" fn(*mut c_void)>,
) -> *mut c_void {
    Box::into_raw(Box::new(Capsule { content, end })).cast()
}

unsafe extern "C" fn pointer(capsule: *mut c_void, _: *const c_char) -> *mut c_void {
    ENDED.fetch_add(1, Ordering::Relaxed);
    // SAFETY: it was made by `new`.
    unsafe { (*capsule.cast::<Capsule>()).content }
}

fn ended(capsule: *mut c_void) {
    // SAFETY: it was made by `new`, and is ended once.
    unsafe {
        let it = Box::from_raw(capsule.cast::<Capsule>());
        it.end.unwrap()(capsule);
    }
}

#[test]
fn a_stream_is_released_with_its_capsule_and_read_after_it_when_it_was_taken() {
    // SAFETY: they do what Python's do.
    unsafe { capsule::set_python(new, pointer) };
    let made = table([integers(70_000)]).unwrap();
    let values = || Arc::strong_count(&made.batches[0].columns()[0].clone());
    let before = values();
    // SAFETY: there is no Python whose lock could be held.
    let unread = unsafe { capsule::stream(&made) };
    assert!(values() > before);
    ended(unread);
    assert_eq!(values(), before);
    // SAFETY: as above.
    let taken = unsafe { capsule::stream(&made) };
    // SAFETY: the capsule has a stream, which is moved out as its readers do.
    let reader = unsafe {
        let stream = (*taken.cast::<Capsule>()).content.cast::<FFI_ArrowArrayStream>();
        RecordBatchStreamReader::from_raw(stream).unwrap()
    };
    ended(taken);
    let rows: Vec<RecordBatch> = reader.map(|batch| batch.unwrap()).collect();
    assert_eq!(rows.iter().map(RecordBatch::num_rows).sum::<usize>(), 70_000);
    assert_eq!(rows[1].column(0).as_primitive::<Int64Type>().value(0), 1 << 16);
    drop(rows);
    assert_eq!(values(), before);
    assert_eq!(ENDED.load(Ordering::Relaxed), 2);
}
