@echo off
rem Builds lora4j on first use and whenever a source is newer than the build, then runs it.
rem   LORA4J_JAVA_HOME  a JDK 25 or later, looked at before JAVA_HOME and the usual places
rem   LORA4J_JAVA_OPTS  options for the JVM, for example -Xmx4g
setlocal EnableExtensions DisableDelayedExpansion
set "ROOT=%~dp0"
if "%ROOT:~-1%"=="\" set "ROOT=%ROOT:~0,-1%"

rem An unpacked archive has its jars in lib, needs no build, and may have a Java of its own in runtime.
set "PACKED="
if exist "%ROOT%\lib\" if not exist "%ROOT%\pom.xml" set "PACKED=yes"

set "JDK="
if defined LORA4J_JAVA_HOME (
  call :try_jdk "%LORA4J_JAVA_HOME%"
  if not defined JDK (
    echo lora4j: LORA4J_JAVA_HOME=%LORA4J_JAVA_HOME% is no JDK 25 or later>&2
    exit /b 2
  )
)
if not defined JDK if defined PACKED if exist "%ROOT%\runtime\bin\java.exe" set "JDK=%ROOT%\runtime"
if not defined JDK if defined JAVA_HOME call :try_jdk "%JAVA_HOME%"
if not defined JDK for %%P in (java.exe) do if not "%%~$PATH:P"=="" call :try_bin "%%~dp$PATH:P"
for %%D in ("%ProgramFiles%\Eclipse Adoptium" "%ProgramFiles%\Java" "%ProgramFiles%\Microsoft" "%ProgramFiles%\Zulu" "%ProgramFiles%\BellSoft" "%ProgramFiles%\Amazon Corretto" "%USERPROFILE%\.jdks" "%USERPROFILE%\scoop\apps") do (
  if not defined JDK if exist "%%~D" for /d %%J in ("%%~D\*") do if not defined JDK call :try_jdk "%%~J"
)
if not defined JDK (
  echo lora4j: a JDK 25 or later is needed and was not found.>&2
  echo Looked at LORA4J_JAVA_HOME, JAVA_HOME, java on PATH and the vendors' folders below "%ProgramFiles%".>&2
  echo Get one from https://adoptium.net, or by: winget install EclipseAdoptium.Temurin.25.JDK>&2
  echo It need not be the default: set LORA4J_JAVA_HOME where it is in none of these places.>&2
  exit /b 2
)

if defined PACKED set "LORA4J_CP=%ROOT%\lib\*"
if defined PACKED goto run

rem Exit code 1 of the check: a build is needed, also in a copy of a tree, whose class path names the original.
set "LORA4J_ROOT=%ROOT%"
powershell -NoProfile -NonInteractive -Command "$r=$env:LORA4J_ROOT; $s=Join-Path $r 'cli\target\lora4j.built'; $c=Join-Path $r 'cli\target\lora4j.classpath'; if(!(Test-Path -LiteralPath $s) -or !(Test-Path -LiteralPath $c) -or !(Test-Path -LiteralPath (Join-Path $r 'cli\target\classes\io\github\lora4j\cli\Main.class'))){exit 1}; $t=(Get-Item -LiteralPath $s).LastWriteTimeUtc; $p=@((Join-Path $r 'pom.xml')); $f=@((Join-Path $r 'cli')); foreach($e in (Get-Content -LiteralPath $c -Raw).Trim().Split(';')){if(!$e.StartsWith($r) -and $e -match '\\target\\(classes|lora4j-[^\\]*\.jar)$'){exit 1}; $i=$e.IndexOf('\target\'); if($e.StartsWith($r) -and $i -gt 0){$f+=$e.Substring(0,$i); if(!(Test-Path -LiteralPath ($e.Substring(0,$i)+'\src\main\java'))){continue}}; if(!(Test-Path -LiteralPath $e)){exit 1}}; foreach($m in $f){$p+=($m+'\pom.xml'); $d=$m+'\src\main'; if(Test-Path -LiteralPath $d){$p+=$d; $p+=@(Get-ChildItem -LiteralPath $d -Recurse | ForEach-Object {$_.FullName})}}; if(@(Get-Item -LiteralPath $p | Where-Object {$_.LastWriteTimeUtc -gt $t}).Count -gt 0){exit 1}; exit 0"
if errorlevel 1 (
  call :build %*
  if errorlevel 1 exit /b 2
)

for /f "usebackq delims=" %%C in ("%ROOT%\cli\target\lora4j.classpath") do set "LORA4J_CP=%ROOT%\cli\target\classes;%%C"

:run
rem Java gets its arguments in the system's code page; the command compares them with the line as it was typed.
set LORA4J_ARGUMENTS=%*
set "COLLECTOR=-XX:+UseSerialGC -Xmn24m"
if defined LORA4J_JAVA_OPTS if not "%LORA4J_JAVA_OPTS:-XX:+Use=%"=="%LORA4J_JAVA_OPTS%" set "COLLECTOR="
set "C2="
findstr /b "GRAALVM_VERSION=" "%JDK%\release" >nul 2>nul && set "C2=-XX:+UnlockExperimentalVMOptions -XX:-UseJVMCICompiler"
"%JDK%\bin\java.exe" --add-modules jdk.incubator.vector --enable-native-access=ALL-UNNAMED %COLLECTOR% -XX:-UsePerfData %C2% "@%ROOT%\cli\jvm-arguments" %LORA4J_JAVA_OPTS% -cp "%LORA4J_CP%" io.github.lora4j.cli.Main %*
exit /b %ERRORLEVEL%

:try_bin
set "BIN=%~1"
call :try_jdk "%BIN:~0,-5%"
exit /b 0

:try_jdk
if not exist "%~1\bin\java.exe" exit /b 0
if not defined PACKED if not exist "%~1\bin\javac.exe" exit /b 0
if not exist "%~1\release" exit /b 0
for /f tokens^=2^ delims^=^" %%V in ('findstr /b "JAVA_VERSION=" "%~1\release"') do for /f "delims=.+-" %%M in ("%%V") do if %%M GEQ 25 set "JDK=%~1"
exit /b 0

:build
set "MVN="
if defined MAVEN_HOME if exist "%MAVEN_HOME%\bin\mvn.cmd" set "MVN=%MAVEN_HOME%\bin\mvn.cmd"
if not defined MVN for %%P in (mvn.cmd) do set "MVN=%%~$PATH:P"
if not defined MVN (
  echo lora4j: Maven 3.8 or later is needed to build and was not found in MAVEN_HOME or PATH.>&2
  echo Get it from https://maven.apache.org/download.cgi, or by: scoop install maven>&2
  exit /b 2
)
set "OFFLINE="
:arguments
if "%~1"=="" goto run_maven
if "%~1"=="--offline" set "OFFLINE=-o"
shift
goto arguments
:run_maven
if not exist "%ROOT%\target" mkdir "%ROOT%\target"
set "LOG=%ROOT%\target\lora4j-build.log"
echo lora4j: building; Maven fetches what it needs, log in %LOG%>&2
type nul >"%ROOT%\target\lora4j-build.started"
set "OLD_JAVA_HOME=%JAVA_HOME%"
set "JAVA_HOME=%JDK%"
pushd "%ROOT%"
call "%MVN%" %OFFLINE% -B -ntp -Dstyle.color=never -pl cli -am process-classes >"%LOG%" 2>&1
set "RESULT=%ERRORLEVEL%"
popd
set "JAVA_HOME=%OLD_JAVA_HOME%"
if not "%RESULT%"=="0" (
  findstr /b "[ERROR]" "%LOG%">&2
  echo lora4j: the build failed; all of Maven's output is in %LOG%>&2
  exit /b 2
)
move /y "%ROOT%\target\lora4j-build.started" "%ROOT%\cli\target\lora4j.built" >nul
exit /b 0
