#[derive(Clone, Copy, Debug)]
pub struct Config { pub line_bytes_max: usize }
