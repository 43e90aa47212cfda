# shellcheck shell=bash
# Sourced by what runs the programs: in the folder of a program's copy, RUNTIME_build makes it ready, and `RUNTIME_events KIND`
# writes a log of this kind, or the list of kinds. Libraries and what is compiled are kept in the folder.

java_build() {
    [[ -d lib ]] || mvn -q -B dependency:copy-dependencies -DoutputDirectory=lib
    javac -cp 'lib/*' -d classes Events.java
}
java_events() {
    local libraries='lib/*'
    # Spring logs through log4j2 when it finds it.
    [[ $1 != *.spring-boot ]] || libraries=$(printf '%s:' lib/*.jar | sed 's#lib/log4j[^:]*:##g')
    java -Duser.name=app -cp "classes:$libraries" org.example.shop.Events "$@"
}
python_build() { [[ -d lib ]] || pip install -q --root-user-action=ignore --target lib -r requirements.txt; }
python_events() {
    local python=python3
    [[ $1 != *-of-3-13.* ]] || python=${PYTHON_3_13:-python3.13}
    PYTHONPATH=lib PYTHONDONTWRITEBYTECODE=1 "$python" events.py "$@"
}
# Only without C is a deadlock seen.
go_build() { CGO_ENABLED=0 go build -o events .; }
go_events() { ./events "$@"; }
node_build() { [[ -d node_modules ]] || npm install --silent --no-audit --no-fund; }
node_events() { node events.js "$@"; }
ruby_build() { :; }
# Frames name the program as it was started.
ruby_events() { ruby "$PWD/events.rb" "$@"; }
php_build() { :; }
php_events() { php events.php "$@"; }
rust_build() { cargo build --quiet --locked --target-dir target; }
rust_events() { target/debug/events "$@"; }

system_build() { :; }
system_events() { python3 events.py "$@"; }
single_build() { :; }
single_events() { python3 events.py "$@"; }
