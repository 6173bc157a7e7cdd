//! A script of many statements.

use std::time::Instant;

use bench_common::{
    Args, CREATE_LOG, Result, Settings, Subject, block_on, per_op, repeats, script,
};

use crate::subject::Ubiqlite;

pub fn run(args: &Args) -> Result<()> {
    let settings = Settings::of(args);
    let n = args.n(repeats("script"));
    let (runtime, ()) = block_on(async move {
        let db = Ubiqlite::open(&settings).await?;
        db.create(CREATE_LOG).await?;
        let script = script(n);
        let start = Instant::now();
        db.0.batch(script).await?;
        per_op("script", start.elapsed(), n);
        db.close().await
    })?;
    drop(runtime);
    Ok(())
}
